"""Findings as CSV for a spreadsheet: a row per account, no cell a formula.

Account ids are written by strangers, and a cell that begins with ``=``, ``+``, ``-``, ``@``, tab or carriage return
is run by the program that opens the file; every CSV that leaves spiritsafe is written here, so that no export can
forget it. Source: OWASP, CSV injection.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from spiritsafe.casework.plain import plain
from spiritsafe.model.findings import Evidence, Findings

__all__ = ["COLUMNS", "cell", "csv_lines", "rows"]

COLUMNS = (
    "account_id", "tier", "score_bits", "campaign", "campaign_tier", "campaign_score_bits", "campaign_q_value",
    "strongest_evidence",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# what spreadsheets take for the ASCII sign
_WIDE = ("\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212")

Cell = str | float | int | None


def cell(value: Cell) -> str | float:
    r"""Return a value that a spreadsheet shows and never runs: an apostrophe goes before what looks like a formula.

    Numbers stay numbers, negative ones too; blanks before a formula do not hide it, and unprintable characters
    are shown as their code points.

    >>> cell("=1+1"), cell(-2.5), cell("acct-7"), cell(None)
    ("'=1+1", -2.5, 'acct-7', '')
    >>> cell(" @SUM(A1)"), cell("a\rb")
    ("' @SUM(A1)", 'a b')
    """
    if isinstance(value, str):
        begins = value.lstrip(" \u00a0").startswith((*_FORMULA, *_WIDE))
        return f"'{plain(value)}" if begins else plain(value)
    return "" if value is None else value


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """Yield CSV a line at a time (RFC 4180), every text quoted."""
    yield _line(header)
    for row in rows:
        yield _line(row)


def rows(findings: Findings) -> Iterator[tuple[Cell, ...]]:
    """Yield a row per account in the order of the findings, in the columns of ``COLUMNS``."""
    campaigns = {campaign.id: campaign for campaign in findings.campaigns}
    for account in findings.accounts:
        campaign = campaigns.get(account.campaign) if account.campaign is not None else None
        told = (None,) * 4 if campaign is None else (campaign.id, campaign.tier, campaign.score_bits, campaign.q_value)
        yield (account.account_id, account.tier, account.score_bits, *told, _strongest(account.evidence))


def _strongest(evidence: list[Evidence]) -> str | None:
    if not evidence:
        return None
    most = max(evidence, key=lambda item: item.weight_bits)
    return f"{most.signal}: {most.detail}"


def _line(cells: Iterable[Cell]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC).writerow([cell(one) for one in cells])
    return line.getvalue()
