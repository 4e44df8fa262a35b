"""Policy files: what is written is read, and what is not whole, not sound or not signed is refused as a whole."""

import random
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Step, Subject, TraitKind
from spiritsafe.policy.file import encode, signed
from spiritsafe.policy.lines import IDS_PER_LINE, Header, Line, Members, Rows, Trait
from spiritsafe.policy.load import load_table
from spiritsafe.policy.reader import PolicyReader
from spiritsafe.policy.signature import public_text
from spiritsafe.policy.table import PolicyTable
from tests.policy.policies import CREATED, CREATED_US, EXPIRES, EXPIRES_US, FEWER, SECRET, files, policy, rows

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(32))
TRUSTED = frozenset({public_text(KEY)})
TRAIT = Trait(kind=TraitKind.IP, value="0123456789abcdef", campaign="c", weight_bits=7.5)
ONE_OF_EACH = (rows(Subject.CAMPAIGN, "c", delay_s=60), Members(campaign="c", accounts=("a", "b")), TRAIT)
SUSPEND = rows(step=Step.SUSPEND)


def load(content: bytes, **options: Any) -> PolicyTable:
    return load_table(content, secret=SECRET, **options)


def complaint(content: bytes) -> str:
    """Return what is said of a file that is none, '' of a policy."""
    try:
        load(content, draft=True)
    except InputError as error:
        return error.message
    return ""


def lines_of(content: bytes) -> list[Line]:
    return list(PolicyReader(BytesIO(content), "", draft=True))


def headed(body: bytes, **header: Any) -> bytes:
    """Put a header before lines that is true of them, as somebody who knows the format would."""
    told = {
        "schema": "spiritsafe.policy/1",
        "version": 1,
        "created_at": CREATED,
        "lines": body.count(b"\n"),
        "digest": blake2b(body, digest_size=32).hexdigest(),
    }
    return msgspec.json.encode(told | header) + b"\n" + body


@FEWER
@given(lines=files(), is_signed=st.booleans())
def test_what_is_written_is_read(lines: list[Line], is_signed: bool) -> None:
    content = encode(lines, version=9, created_at=CREATED, key=KEY if is_signed else None)
    assert lines_of(content) == lines
    header = load(content, draft=True).header
    assert (header.version, header.created_at, header.lines) == (9, CREATED, len(lines))
    assert header.signer == (public_text(KEY) if is_signed else None)
    assert encode(lines_of(content), version=9, created_at=CREATED, key=KEY if is_signed else None) == content


def test_a_file_is_read_as_its_content_is(tmp_path: Path) -> None:
    path = tmp_path / "policy.jsonl"
    path.write_bytes(policy(*ONE_OF_EACH))
    assert load_table(path, secret=SECRET).header == load(policy(*ONE_OF_EACH)).header


SIGNED = encode(ONE_OF_EACH, version=2, created_at=CREATED, key=KEY)


def test_no_byte_of_a_signed_file_can_be_changed() -> None:
    rng = random.Random(5)
    for at in range(len(SIGNED)):
        for change in (1, 32, rng.randrange(1, 256)):
            altered = bytearray(SIGNED)
            altered[at] ^= change
            with pytest.raises(InputError):
                load(bytes(altered), trusted=TRUSTED)


def test_no_part_of_a_file_is_a_policy() -> None:
    for content in (SIGNED, policy(*ONE_OF_EACH)):
        for end in range(len(content)):
            with pytest.raises(InputError):
                load(content[:end], trusted=TRUSTED)


@FEWER
@given(lines=files(), at=st.integers(0), extra=st.binary(min_size=1, max_size=4))
def test_nothing_can_be_put_into_a_file(lines: list[Line], at: int, extra: bytes) -> None:
    content = encode(lines, version=9, created_at=CREATED, key=KEY)
    at %= len(content) + 1
    with pytest.raises(InputError):
        load(content[:at] + extra + content[at:], draft=True)


def test_suspend_needs_a_signature_that_is_trusted() -> None:
    content = encode([rows(), SUSPEND], version=1, created_at=CREATED)
    for refused, trusted in ((content, TRUSTED), (signed(content, KEY), ()), (signed(content, OTHER), TRUSTED)):
        with pytest.raises(InputError, match=r"row 2, column 'step': suspend in a file that nobody"):
            load(refused, trusted=trusted)
    assert load(signed(content, KEY), trusted=TRUSTED).rows_for("a")


def test_a_signature_of_another_file_is_none() -> None:
    mine, theirs = signed(policy(SUSPEND), KEY), signed(policy(rows()), KEY)
    swapped = b"".join([*mine.splitlines(keepends=True)[:-1], theirs.splitlines(keepends=True)[-1]])
    with pytest.raises(InputError, match="signature is not of this file"):
        load(swapped, trusted=TRUSTED)


def test_a_name_in_the_header_is_no_signature() -> None:
    body = policy(SUSPEND).split(b"\n", 1)[1]
    with pytest.raises(InputError, match="ends before it is whole"):
        load(headed(body, signer=public_text(KEY)), trusted=TRUSTED)


def test_signing_again_takes_the_signature_before_away() -> None:
    for lines in ((), ONE_OF_EACH):
        content = policy(*lines)
        assert signed(signed(content, OTHER), KEY) == signed(content, KEY)
        assert load(signed(content, KEY)).header.signer == public_text(KEY)


def _line(**changes: Any) -> bytes:
    told = msgspec.to_builtins(rows()) | changes
    return msgspec.json.encode({name: value for name, value in told.items() if value is not ...}) + b"\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"\n", "row 1: "),
        (b"null\n", "row 1: "),
        (b"[" * 9_000 + b"\n", "row 1: "),
        (b'{"type":"other"}\n', "row 1, column 'type'"),
        (_line(colour="red"), "unknown field `colour`"),
        (_line(step="ban"), "column 'step': Invalid enum value 'ban'"),
        (_line(subject="person"), "column 'subject'"),
        (_line(ids=[]), "column 'ids': "),
        (_line(ids="a"), "column 'ids': Expected `array`"),
        (_line(ids=["a", ""]), "column 'ids[1]'"),
        (_line(ids=["x" * 257]), "column 'ids[0]'"),
        (_line(ids=["a\nb"]), "column 'ids': an id holds control"),
        (_line(ids=["a\x85b"]), "column 'ids': an id holds control"),
        (_line(ids=["a", "b", "a"]), "column 'ids': says again"),
        (_line(ids=[str(n) for n in range(IDS_PER_LINE + 1)]), "column 'ids'"),
        (_line(reason=...), "missing required field `reason`"),
        (_line(reason="x" * 301), "column 'reason'"),
        (_line(reason="x\r\nset-cookie: a"), "column 'reason': holds control"),
        (_line(reason="\u202e"), "column 'reason': holds control"),
        (_line(case="a\tb"), "column 'case': holds control"),
        (_line(version=0), "column 'version'"),
        (_line(version=2), "column 'version': version 2 in a policy of version 1"),
        (_line(requests="60"), "column 'requests': not a rate"),
        (_line(tokens="0/m"), "column 'tokens': not a rate"),
        (_line(requests=...), "column 'requests': no rate to limit to"),
        (_line(step="observe"), "column 'step': observe bounds nothing"),
        (_line(expires_at=...), "column 'expires_at': no expiry"),
        (_line(expires_at="tomorrow"), "column 'expires_at': not a UTC time"),
        (_line(expires_at="2026-02-30T00:00:00Z"), "column 'expires_at': not a UTC time"),
        (_line(expires_at="2026-12-08T00:00:00+01:00"), "column 'expires_at': not a UTC time"),
        (_line(expires_at=CREATED), "column 'expires_at': expires before"),
        (_line(delay_s=7 * 86_400), "column 'expires_at': expires before"),
        (_line(delay_s=7 * 86_400 + 1), "column 'delay_s'"),
        (_line(delay_s=-1), "column 'delay_s'"),
        (_line(subject="prefix", ids=["192.0.2.1/24"]), "column 'ids': not a network"),
        (_line(subject="prefix", ids=["192.0.2.1"]), "column 'ids': not a network"),
        (_line(subject="prefix", ids=["192.0.2.0/33"]), "column 'ids': not a network"),
        (_line(subject="prefix", ids=["192.0.2.0/024"]), "column 'ids': not a network"),
        (_line(subject="prefix", ids=["::ffff:192.0.2.0/120"]), "column 'ids': not a network"),
        (_line(subject="prefix", ids=["2001:db8::/32", "2001:DB8::/32"]), "column 'ids': says again"),
        (b'{"type":"members","campaign":"c","accounts":["a","a"]}\n', "column 'accounts': says again"),
        (b'{"type":"members","campaign":"c\\n","accounts":["a"]}\n', "column 'campaign': an id holds"),
        (b'{"type":"trait","kind":"ip","value":"12","campaign":"c","weight_bits":3}\n', "column 'value'"),
        (b'{"type":"trait","kind":"ip","value":"0123456789abcdef","campaign":"c","weight_bits":65}\n', "weight_bits"),
        (b'{"type":"signature","signature":"x"}\n', "row 1, column 'type'"),
    ],
)
def test_a_line_that_is_off(line: bytes, said: str) -> None:
    with pytest.raises(InputError) as error:
        load(headed(line))
    assert said in error.value.message
    assert error.value.row == 1
    assert error.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "ends before"),
        (b"{}\n", "missing required field"),
        (b"x" * 5_000, "a line of more than 4,096 bytes"),
        (headed(b"", schema="spiritsafe.policy/2"), "another version"),
        (headed(b"", version=0), "'version'"),
        (headed(b"", created_at="now"), "'created_at': not a UTC time"),
        (headed(b"", lines=1), "ends before"),
        (headed(_line(), lines=0), "not those that the header names"),
        (headed(_line(), digest="0" * 64), "not those that the header names"),
        (headed(_line()) + b"\n", "more than the header names"),
        (headed(b"x" * (1 << 20) + b"\n"), "row 1: a line of more than 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_off(content: bytes, said: str) -> None:
    with pytest.raises(InputError) as error:
        load(content)
    assert said in error.value.message


def test_twice_is_once_too_often_across_lines() -> None:
    other = rows(requests="1/h")
    with pytest.raises(InputError, match="row 2, column 'ids': says again"):
        load(policy(rows(), other))
    with pytest.raises(InputError, match="row 3"):
        load(policy(rows(), rows(step=Step.STEP_UP), rows(Subject.ACCOUNT, "b", "a", step=Step.STEP_UP)))
    with pytest.raises(InputError, match="row 2, column 'value'"):
        load(policy(TRAIT, TRAIT))
    with pytest.raises(InputError, match="row 2, column 'accounts'"):
        load(policy(*[Members(campaign="c", accounts=("a",))] * 2))
    assert len(load(policy(rows(), rows(requests="1/h", shadow=True))).rows_for("a")) == 2


def test_expired_rows_are_refused_on_applying_only() -> None:
    content = policy(rows())
    assert load(content).rows_for("a")
    assert load(content, now_us=EXPIRES_US - 1).rows_for("a")
    with pytest.raises(InputError, match="row 1, column 'expires_at': has expired"):
        load(content, now_us=EXPIRES_US)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "policy.jsonl"
    with pytest.raises(InputError, match=f"^{path}: cannot be read: No such file"):
        load_table(path, secret=SECRET)
    path.write_bytes(policy(rows(reason="\n")))
    with pytest.raises(InputError, match=f"^{path}, row 1, column 'reason'"):
        load_table(path, secret=SECRET)


def test_the_shortest_header_says_all() -> None:
    assert set(msgspec.json.decode(policy())) == {field for field in Header.__struct_fields__ if field != "signer"}
    assert CREATED_US < EXPIRES_US
    assert EXPIRES > CREATED


@given(st.binary(max_size=300))
@example(SIGNED)
def test_any_bytes_are_a_policy_or_an_error(data: bytes) -> None:
    for content in (data, headed(data), headed(data + b"\n"), SIGNED[:200] + data):
        assert complaint(content).isprintable()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(Rows.__struct_fields__), inner),
)


@FEWER
@given(st.dictionaries(st.sampled_from([*Rows.__struct_fields__, "type", "accounts", "value"]), _json))
def test_any_line_is_one_or_an_error(changes: dict[str, Any]) -> None:
    try:
        line = _line(**changes)
    except UnicodeEncodeError:
        return
    assert complaint(headed(line)).isprintable()
