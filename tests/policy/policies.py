"""Policies for tests: one of each line, and strategies that draw whole files without a contradiction in them."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from spiritsafe.model.words import Step, Subject, TraitKind
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Line, Members, Rows, Trait
from spiritsafe.policy.load import load_table
from spiritsafe.policy.table import PolicyTable
from spiritsafe.policy.terms import microseconds

CREATED, EXPIRES = "2026-12-01T00:00:00Z", "2026-12-08T00:00:00Z"
CREATED_US, EXPIRES_US = microseconds(CREATED, ""), microseconds(EXPIRES, "")
NOW_US = microseconds("2026-12-04T00:00:00Z", "")
SECRET = b"secret of the tests"
NAMES = ("a", "b", "c", "acct-7", "ü", "x" * 256)
NETWORKS = (
    *("0.0.0.0/0", "192.0.0.0/16", "192.0.2.0/24", "192.0.2.0/28", "192.0.2.7/32", "10.0.0.0/8"),
    *("::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::7/128"),
)
ADDRESSES = (
    *("192.0.2.7", "192.0.2.200", "192.0.9.9", "10.1.2.3", "203.0.113.1", "::ffff:192.0.2.7"),
    *("2001:db8:1::7", "2001:db8:9::1", "2a00::1", "none", "", "192.0.2.7/32", "1" * 300, "::%eth0"),
)


FEWER = settings(max_examples=40)
"""For what draws whole files: a draw takes longer than what is done with it."""


def rows(subject: Subject = Subject.ACCOUNT, *ids: str, step: Step = Step.RATE_LIMIT, **said: Any) -> Rows:
    """Return a row: of account ``a`` where no id is given, to 60 requests a minute unless said otherwise."""
    terms: dict[str, Any] = {"reason": "A reason.", "version": 1}
    if step is not Step.OBSERVE:
        terms["expires_at"] = EXPIRES
    if step is Step.RATE_LIMIT:
        terms["requests"] = "60/m"
    return Rows(subject=subject, ids=ids or ("a",), step=step, **(terms | said))


def policy(*lines: Line, version: int = 1) -> bytes:
    return encode(lines, version=version, created_at=CREATED)


def table(*lines: Line) -> PolicyTable:
    """Return the table of some lines; rows that suspend are taken."""
    return load_table(policy(*lines, version=9), secret=SECRET, draft=True)


_rates = st.none() | st.builds(lambda n, unit: f"{n}/{unit}", st.integers(1, 999), st.sampled_from(["s", "m", "10s"]))


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a row says besides its subject, ids and step."""
    step = draw(st.sampled_from(list(Step)))
    said: dict[str, Any] = {
        "step": step,
        "reason": draw(st.sampled_from(["A reason.", "Grund: ä", "x" * 300])),
        "case": draw(st.none() | st.just("case-1")),
        "version": draw(st.integers(1, 9)),
        "shadow": draw(st.booleans()),
        "delay_s": draw(st.sampled_from([0, 0, 3_600, 86_400])),
        "from_at": draw(st.none() | st.just("2026-12-02T00:00:00.5Z")),
        "expires_at": draw(st.sampled_from([EXPIRES, "2026-12-03T12:00:00Z"])),
    }
    if step is Step.OBSERVE:
        return said | {"expires_at": draw(st.none() | st.just(EXPIRES))}
    tokens = draw(_rates)
    return said | {"tokens": tokens, "requests": draw(_rates) or ("5/s" if tokens is None else None)}


@st.composite
def files(draw: st.DrawFn) -> list[Line]:
    """Draw lines, no two of which say the same of the same."""
    lines: list[Line] = []
    for subject in Subject:
        pool = NETWORKS if subject is Subject.PREFIX else NAMES
        taken = set()
        for said in draw(st.lists(terms(), max_size=4)):
            measure = (said["step"], said["shadow"])
            ids = [name for name in draw(st.lists(st.sampled_from(pool), unique=True)) if (name, measure) not in taken]
            if ids:
                taken |= {(name, measure) for name in ids}
                lines.append(Rows(subject=subject, ids=tuple(ids), **said))
    for campaign in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        accounts = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
        lines.append(Members(campaign=campaign, accounts=tuple(accounts)))
    for value in draw(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=3)):
        bits = draw(st.floats(0.5, 64))
        lines.append(Trait(kind=TraitKind.PAYMENT, value=f"{value:016x}", campaign="a", weight_bits=bits))
    return draw(st.permutations(lines))
