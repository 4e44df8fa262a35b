import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from spiritsafe.casework.report import render_report, write_report
from spiritsafe.model.dossier import ScanResult
from spiritsafe.model.errors import SpiritsafeError
from tests.casework.scans import big_scan, campaign, dossier, empty_scan, findings_of, strong_evidence


class Elements(HTMLParser):
    """Collects what a browser would see: start tags with attributes, and text by open element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def big() -> str:
    return render_report(big_scan())


def test_the_same_scan_gives_the_same_bytes(big: str, tmp_path: Path) -> None:
    write_report(big_scan(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == big.encode()


def test_hostile_strings_are_text_only(big: str) -> None:
    elements = Elements(big)
    tags = [tag for tag, _ in elements.tags]
    assert tags.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "form", "base"} & set(tags)
    assert not any(name.startswith("on") or name == "style" for _, attributes in elements.tags for name in attributes)
    assert "\u202e" not in big
    assert "\x1b" not in big
    assert "{{7*7}}" in big
    assert any("<script>window.owned=1</script>" in words for words in elements.words)


def test_nothing_in_the_page_points_outside(big: str) -> None:
    for _, attributes in Elements(big).tags:
        assert not attributes.keys() & {"src", "srcset", "action", "xlink:href"}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "url(" not in big
    assert "@import" not in big


def test_links_within_the_page_lead_somewhere(big: str) -> None:
    elements = Elements(big)
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    links = [attributes["href"] for tag, attributes in elements.tags if tag == "a"]
    assert len(ids) == len(set(ids))
    assert links
    assert {str(link)[1:] for link in links} <= set(ids)


def test_most_serious_first_and_the_sum_row_is_the_score(big: str) -> None:
    order = re.findall(r'<article id="(campaign-\d)" class="campaign (\w+)"', big)
    assert order == [("campaign-1", "confirmed"), ("campaign-2", "suspected"), ("campaign-3", "linked")]
    assert re.search(r'<data value="45.651">\+45.651</data>', big)


def test_every_part_of_a_dossier_is_on_the_page(big: str) -> None:
    for title in (
        "Evidence", "Where this group lies against honest groups", "Timeline", "Rhythm", "What they share",
        "What they took", "Sentences they send", "What was not concluded, and why", "Who might be behind it", "Members",
    ):  # fmt: skip
        assert f"<h3>{title}</h3>" in big
    assert "never a ground for action" in big
    assert "2 accounts looked at and left out" in big
    assert "solo-8841" in big
    assert "A public benchmark&#39;s harness" in big


def test_a_campaign_without_models_or_dossier_is_still_told() -> None:
    scan = msgspec.structs.replace(big_scan(), dossiers=[], releases={})
    page = render_report(scan)
    assert page.count("<article") == 3
    assert "<h3>Timeline</h3>" not in page


def test_an_empty_scan_says_what_it_could_not_see() -> None:
    page = render_report(empty_scan())
    assert "Nothing found" in page
    assert "41 candidate groups" in page
    assert "What would not have been visible" in page
    assert "<article" not in page


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpiritsafeError, match="report cannot be written"):
        write_report(empty_scan(), tmp_path / "missing" / "report.html")


def ten_large_campaigns() -> ScanResult:
    names = [f"c{n}" for n in range(10)]
    campaigns = [
        campaign(name, strong_tier, [f"{name}-account-{n:05d}" for n in range(500)], strong_evidence())
        for name in names
        for strong_tier in [big_scan().findings.campaigns[2].tier]
    ]
    scan = big_scan()
    accounts = [finding for item in campaigns for finding in findings_of(item)]
    return msgspec.structs.replace(
        scan,
        findings=msgspec.structs.replace(scan.findings, campaigns=campaigns, accounts=accounts),
        dossiers=[dossier(name, 500, seed) for seed, name in enumerate(names)],
    )


def test_ten_campaigns_of_five_hundred_accounts_stay_below_five_megabytes() -> None:
    assert len(render_report(ten_large_campaigns()).encode()) < 5_000_000
