"""The page on enrichment names what the loaders read: column names, database fields, tags."""

from collections.abc import Iterable

from spiritsafe.casework.export import ocsf
from spiritsafe.casework.export.spreadsheet import COLUMNS
from spiritsafe.ingest.entities import facts, lists, mmdb
from spiritsafe.model.words import NetworkTag, Tier
from tests.docs.pages import ROOT


def _missing(page: str, words: Iterable[str]) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [word for word in words if f"`{word}`" not in text]


def test_every_name_that_is_read_is_on_the_page() -> None:
    assert _missing("enrichment.md", lists._ROLES) == []
    assert _missing("enrichment.md", [*mmdb._FLAGS, *mmdb._USERS]) == []
    assert _missing("enrichment.md", [*NetworkTag, *facts._SPELLINGS]) == []


def test_the_page_on_exports_names_version_columns_and_tiers() -> None:
    text = (ROOT / "docs" / "exports.md").read_text("utf-8")
    assert f"**{ocsf.OCSF_VERSION}**" in text
    assert _missing("exports.md", COLUMNS) == []
    for tier in Tier:
        row = f"| {tier} | {ocsf._SEVERITY[tier].name.capitalize()} | {ocsf._CONFIDENCE[tier].name.capitalize()} |"
        assert row in text
