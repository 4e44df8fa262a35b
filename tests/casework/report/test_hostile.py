"""Whatever a stranger writes, wherever it reaches the report, stays text: the page's elements do not change by it."""

import html
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from spiritsafe.casework.plain import plain
from spiritsafe.casework.report import render_report
from spiritsafe.model.dossier import ScanResult
from spiritsafe.model.words import Tier
from tests.casework.report.test_page import Elements
from tests.casework.scans import big_scan, campaign, dossier, findings_of, strong_evidence

PAYLOAD = (
    "</title></style></script></svg><script>window.owned=1</script><img src=x onerror=alert(1)>"
    "\"' onload='alert(1)' x=\" --><!-- ]]><![CDATA[ &lt;b&gt; &#60; {{7*7}} ${1} javascript:alert(1) url(//x.example)"
    "\u2028\u2029\u202e\u2066\u200f\ufeff\x00\x1b[31m\x9b\r\n\t\ud800\U000e0041"
)
FIXED = {"tier", "family", "first_seen", "last_seen", "day", "first_hour", "from", "to", "released"}
"""Names of strings that are no free text: a vocabulary or a time, which another type or ``date`` refuses."""

UNSEEN = {
    "cleared.*.door",
    "dossiers.*.id",
    "findings.accounts.*.campaign",
    "findings.campaigns.*.capabilities.*",
    "findings.campaigns.*.elicitation.*",
    "findings.campaigns.*.models.*",
}
"""What the page does not show as it stands: what is named in the dossier, and what only joins parts together."""

Path = tuple[str, ...]
Change = Callable[[Path, str], str]


def scan() -> ScanResult:
    """One small campaign with all that a report can show, a loner and two cleared groups."""
    whole = big_scan()
    item = campaign("c-1", Tier.CONFIRMED, [f"acct-{n}" for n in range(10)], strong_evidence())
    accounts = [*findings_of(item), whole.findings.accounts[-1]]
    findings = msgspec.structs.replace(whole.findings, campaigns=[item], accounts=accounts)
    return msgspec.structs.replace(whole, findings=findings, dossiers=[dossier("c-1", 10, 1)])


def walked(value: Any, change: Change, path: Path = ()) -> Any:
    """Return nested data with ``change`` applied to each string; a list's places and a mapping's keys are ``*``."""
    match value:
        case str():
            return change(path, value)
        case list():
            return [walked(item, change, (*path, "*")) for item in value]
        case dict() if path and path[-1] in {"releases", "capability_mix", "elicitation_mix"}:
            return {change((*path, "key"), key): item for key, item in value.items()}
        case dict():
            return {key: walked(item, change, (*path, key)) for key, item in value.items()}
        case _:
            return value


def places() -> Iterator[Path]:
    """Where free text stands in a scan's result."""
    found: dict[Path, None] = {}

    def note(path: Path, text: str) -> str:
        found[path] = None
        return text

    walked(msgspec.to_builtins(scan()), note)
    yield from (path for path in found if not FIXED & set(path))


def page(where: Path, what: str) -> str:
    """The report with ``what`` at every place of one kind; a number keeps texts apart."""
    number = iter(range(10_000))

    def put(path: Path, text: str) -> str:
        return f"{what}{next(number):04d}" if path == where else text

    return render_report(msgspec.convert(walked(msgspec.to_builtins(scan()), put), ScanResult))


def elements(text: str) -> Counter[tuple[str, tuple[str, ...]]]:
    return Counter((tag, tuple(sorted(attributes))) for tag, attributes in Elements(text).tags)


@pytest.mark.parametrize("where", list(places()), ids=".".join)
def test_a_hostile_string_is_text(where: Path) -> None:
    hostile, harmless = page(where, PAYLOAD), page(where, "h" * len(plain(PAYLOAD)))
    assert elements(hostile) == elements(harmless)
    assert all(character.isprintable() or character == "\n" for character in hostile)
    assert (plain(PAYLOAD)[:20] in html.unescape(hostile)) is (".".join(where) not in UNSEEN)


@pytest.mark.parametrize("name", ["tier", "family"])
def test_a_word_that_is_no_free_text_is_refused(name: str) -> None:
    told = walked(msgspec.to_builtins(scan()), lambda path, text: "<b>" if path[-1] == name else text)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, ScanResult)
