"""Shows a scan's campaigns on a terminal.

The page is for reading, this is for noticing: one row per campaign that fits 80 columns, in the
report's words and order, with every string made harmless first, because an id may carry an escape sequence.
"""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spiritsafe.casework.plain import plain_result, shorten
from spiritsafe.casework.words import (
    counted,
    headline,
    joined,
    large,
    period,
    strongest_families,
)
from spiritsafe.model.dossier import ScanResult
from spiritsafe.model.findings import Campaign
from spiritsafe.model.words import Tier

__all__ = ["campaign_table"]

_STYLES = {Tier.CONFIRMED: "bold red", Tier.SUSPECTED: "yellow", Tier.LINKED: "dim"}


def campaign_table(result: ScanResult) -> RenderableType:
    """Return the headline, one row per campaign (most serious first) and what was tested, for ``rich``."""
    shown = plain_result(result)
    scanned = shown.findings.scanned
    lines: list[RenderableType] = [Text(headline(shown), style="bold")]
    if shown.findings.campaigns:
        lines.append(_table(shown.findings.campaigns))
    read = f"{counted(scanned.exchanges, 'exchange')} of {counted(scanned.accounts, 'account')}"
    tested = f"{counted(shown.tested, 'candidate group')} tested"
    lines.append(Text(f"Read {read}, {period(scanned.from_, scanned.to)}; {tested}.", style="dim"))
    return Group(*lines)


def _table(campaigns: list[Campaign]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("tier", no_wrap=True)
    table.add_column("campaign", no_wrap=True)
    for name in ("bits", "accounts", "exchanges", "tokens out"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("evidence of")
    for campaign in sorted(campaigns, key=lambda c: (-c.tier.rank, -c.score_bits, c.id)):
        table.add_row(*_row(campaign))
    return table


def _row(campaign: Campaign) -> list[Text]:
    """Text objects, never markup: a bracket in an id is a bracket."""
    return [
        Text(str(campaign.tier), style=_STYLES[campaign.tier]),
        Text(shorten(campaign.id, 16)),
        Text(f"{campaign.score_bits:.1f}"),
        Text(f"{len(campaign.accounts):,}"),
        Text(f"{campaign.exchanges:,}"),
        Text(large(campaign.output_tokens)),
        Text(joined([str(family) for family in strongest_families(campaign.evidence)])),
    ]
