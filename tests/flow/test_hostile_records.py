"""Records that the contract does not take: each is named by row and column, or set aside and counted."""

import json
from pathlib import Path

import pytest

from tests.flow.hostile import HEADER, ROW, Shell, exchange, lines


def _spelt(name: str, value: str, **changes: object) -> bytes:
    """A record in which one value is spelt as JSON text, legal or not."""
    return json.dumps(exchange(2, **{name: "@"}, **changes)).replace('"@"', value).encode()


COUNTS = ("input_tokens", "duration_ms", "image_count", "asn")
BAD_NUMBERS = (
    ("1e400", "is not"),
    ("NaN", "is not a finite number"),
    ("Infinity", "is not a finite number"),
    ("-Infinity", "is not a finite number"),
    ("-1", "below the smallest legal value, 0"),
    ("4294967296", "above the largest legal value"),
    ("9223372036854775807", "above the largest legal value"),
    ("9223372036854775808", "does not fit 64 bits"),
    ("-9223372036854775809", "does not fit 64 bits"),
    ("1" + "0" * 400, "does not fit 64 bits"),
    ("1" + "0" * 5000, "is not JSON that can be read"),
    ("1.5", "is not a whole number"),
    ("true", "truth value"),
    ('"7"', "without quotes"),
    ("[]", "is not a whole number"),
    ("{}", "is not a whole number"),
)
BAD_TIMES = (
    ("null", "is empty"),
    ("1e400", "2000 to 2099"),
    ('"0001-01-01"', "2000 to 2099"),
    ('"9999-12-31T23:59:59Z"', "2000 to 2099"),
    ('"1999-12-31T23:59:59Z"', "2000 to 2099"),
    ('"2100-01-01"', "2000 to 2099"),
    ("1767225600000", "looks like milliseconds"),
    ("1767225600000000000", "looks like nanoseconds"),
    ('"2026-02-30"', "not an ISO 8601 time"),
    ('"2026-01-01T00:00:00+24:00"', "not an ISO 8601 time"),
    ('"now"', "not an ISO 8601 time"),
    ("1" + "0" * 400, "2000 to 2099"),
)
BAD_IDS = (
    ("null", "is empty"),
    ('""', "is empty"),
    ("7", "is not a string"),
    ('"\\u0000"', "NUL"),
    ('"\\ud800"', "not UTF-8"),
    ('"a\\u001b[31m\\u0000"', "NUL"),
    ("[]", "is not a string"),
)
CASES = [
    *((name, value, says) for name in COUNTS[:1] for value, says in BAD_NUMBERS),
    *((name, value, says) for name in COUNTS[1:] for value, says in BAD_NUMBERS[5:8]),
    *(("started_at", value, says) for value, says in BAD_TIMES),
    *(("account_id", value, says) for value, says in BAD_IDS),
    ("temperature", "1" + "0" * 400, "does not fit a double"),
    ("temperature", "-0.5", "below the smallest"),
    ("stream", '"yes"', "is not true or false"),
    ("sketch", '"QUFB"', "shorter than a sketch"),
    ("sketch", '"!"', "is not base64"),
]
_WHOLE = {"is not JSON", "is not JSON that can be read"}
LINES = (
    (b"{", "is not JSON"),
    (b"null", "not an object"),
    (b"[]", "not an object"),
    (b'"text"', "not an object"),
    (b'{"x":' * 100_000, "nested too deeply"),
    (lines(exchange(2))[:-1].replace(b"}", b',"account_id":"b"}'), "has 'account_id' twice"),
    (lines(exchange(2))[:-1] * 2, "is not JSON"),
    (lines(exchange(2)).replace(b"a-1", b"a\xff")[:-1], "not UTF-8"),
    (lines(exchange(2)).replace(b"a-1", b"a\x00")[:-1], "NUL"),
)


@pytest.mark.parametrize(("name", "value", "says"), CASES, ids=lambda value: str(value)[:20])
def test_a_bad_value_is_named(shell: Shell, name: str, value: str, says: str) -> None:
    log = shell.folder / "log.jsonl"
    log.write_bytes(lines(exchange(1), _spelt(name, value), exchange(3)))
    column = "" if says in _WHOLE else f", column '{name}'"
    shell.refuse(log, says=says, place=f"{log}, row 2{column}: ")


@pytest.mark.parametrize(("line", "says"), LINES, ids=lambda value: str(value)[:30])
def test_a_bad_line_is_named(shell: Shell, line: bytes, says: str) -> None:
    log = shell.folder / "log.jsonl"
    log.write_bytes(lines(exchange(1), line, exchange(3)))
    shell.refuse(log, says=says, place=f"{log}, row 2")


def test_every_bad_record_is_set_aside_and_counted(shell: Shell) -> None:
    bad = [*(_spelt(name, value) for name, value, _ in CASES), *(line for line, _ in LINES)]
    records = [item for number, line in enumerate(bad) for item in (exchange(100 + number), line)]
    log = shell.folder / "log.jsonl"
    log.write_bytes(lines(*records))
    shown = shell.scan(log, options=("--on-error", "quarantine", "--json"))
    assert shown.code == 0
    scanned = json.loads(shown.out)["scanned"]
    assert (scanned["exchanges"], scanned["quarantined"]) == (len(bad), len(bad))
    assert [item["row"] for item in shell.quarantine] == list(range(2, 2 * len(bad) + 1, 2))
    assert {item["file"] for item in shell.quarantine} == {str(log)}


FIELDS = (
    (ROW.replace(b",1,", b"," + b"9" * 4000 + b","), "is not a finite number", "input_tokens"),
    (ROW.replace(b",1,", b",0x10,"), "is not a number", "input_tokens"),
    (ROW.replace(b",1,", b",1_0,"), "is not a number", "input_tokens"),
    (ROW.replace(b",1,", ",\u0661,".encode()), "is not a number", "input_tokens"),
    (ROW.replace(b",1,", b",nan,"), "is not a finite number", "input_tokens"),
    (ROW.replace(b"2026-01-01T00:00:00Z", b"nan"), "not an ISO 8601 time", "started_at"),
    (ROW.replace(b"a-1", b"a\xff"), "not UTF-8", "account_id"),
    (ROW.replace(b"a-1", b"a\0"), "NUL", "account_id"),
    (ROW[:-1] + b",,,\n", "has 9 fields where the header names 6", ""),
    (b"e-1\n", "has 1 fields where the header names 6", ""),
)


@pytest.mark.parametrize(("row", "says", "column"), FIELDS, ids=lambda value: str(value)[:20])
def test_a_bad_field_is_named(shell: Shell, row: bytes, says: str, column: str) -> None:
    log = shell.folder / "log.csv"
    log.write_bytes(HEADER + ROW + row)
    shell.refuse(log, says=says, place=f"{log}, row 2" + (f", column '{column}'" if column else ""))


def test_what_a_caller_may_ask_for_has_no_bound(shell: Shell) -> None:
    log = shell.folder / "log.jsonl"
    most = 2**63 - 1
    log.write_bytes(lines(*(exchange(n, max_tokens=most, n=most, thinking_budget=most, status=most) for n in range(9))))
    assert shell.scan(log).code == 0


def test_the_largest_counts_of_many_rows_add_up(shell: Shell) -> None:
    log = shell.folder / "log.jsonl"
    most = 2**31 - 1
    names = (
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "reasoning_tokens",
        "image_count",
        "tool_call_count",
    )
    log.write_bytes(lines(*(exchange(n, **dict.fromkeys(names, most)) for n in range(2_000))))
    assert shell.scan(log).code == 0


def test_a_repeated_id_counts_once_in_48_hours(shell: Shell) -> None:
    log = shell.folder / "log.jsonl"
    times = (
        "2026-01-01T00:00:00Z",
        "2026-01-01T02:00:00+02:00",
        1767225600,
        "2026-01-02T23:00:00Z",
        "2026-01-03T01:00:00Z",
    )
    log.write_bytes(lines(*(exchange(1, started_at=time) for time in times)))
    shown = shell.scan(log, options=("--json",))
    assert json.loads(shown.out)["scanned"]["exchanges"] == 2


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800", "\u202e\u2066", "x" * 10_000_000, "a. " * 2_000_000, "\u0301" * 500_000]
)
def test_a_prompt_can_hold_anything(shell: Shell, text: str) -> None:
    log = shell.folder / "log.jsonl"
    log.write_bytes(lines(exchange(1, prompt=text, system_prompt=text), exchange(2)))
    assert shell.scan(log).code == 0
    assert json.loads(shell.findings.read_bytes())["scanned"]["exchanges"] == 2


def test_a_record_beyond_the_limit_is_refused(shell: Shell) -> None:
    log = shell.folder / "log.jsonl"
    with log.open("wb") as file:
        file.write(lines(exchange(1)))
        file.write(b'{"prompt":"')
        for _ in range(70):
            file.write(b"x" * (1 << 20))
    shell.refuse(log, says="longer than 67108864 bytes", place=str(log))


def test_ids_of_a_megabyte_are_kept(shell: Shell) -> None:
    log: Path = shell.folder / "log.jsonl"
    log.write_bytes(lines(*(exchange(n, account_id="a" * 1_000_000) for n in range(3))))
    assert shell.scan(log).code == 0
