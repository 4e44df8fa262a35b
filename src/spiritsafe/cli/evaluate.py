"""``spiritsafe evaluate``: findings against labels.

Reads findings.json, whoever wrote it, so that another tool can be judged by the same arithmetic.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode, InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from spiritsafe.simulation.evaluation import Evaluation

__all__ = ["arguments", "findings_of", "run"]

_GIVE = "Give the findings.json that a scan wrote."
_LEAKED = ("account_id", "started_at", "output_tokens")


def arguments(parser: Parser) -> None:
    """Declare the words and options."""
    parser.add_argument("findings", type=Path, metavar="FINDINGS", help="findings.json of a scan")
    parser.add_argument("labels", type=Path, metavar="LABELS", help="account_id, cohort, campaign")
    parser.add_argument("--exchanges", type=Path, metavar="F", help="the scanned logs, to count what leaked")
    parser.add_json()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Compare and print."""
    from spiritsafe.ingest.read import Reading, read_table
    from spiritsafe.model.columns import LABELS
    from spiritsafe.simulation.evaluation import evaluate

    findings = findings_of(options.findings)
    labels = read_table(options.labels, Reading(LABELS))
    exchanges = _exchanges(options.exchanges) if options.exchanges else None
    result = evaluate(findings, labels, exchanges)
    if options.json:
        terminal.json(result)
    else:
        for table in _tables(result):
            terminal.show(table)
    return ExitCode.NOTHING_FOUND


def findings_of(path: Path) -> dict[str, Any]:
    """Return the content of ``findings.json``; what it means is for ``evaluate`` to judge.

    Raises:
        InputError: it is no regular file, cannot be read, or is not one JSON object.
    """
    from spiritsafe.ingest.sources import source

    file = source(path)
    try:
        content = json.loads(file.path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file.name, hint="Check the path.") from error
    except (ValueError, RecursionError) as error:
        reason = "not JSON: nested too deeply" if isinstance(error, RecursionError) else f"not JSON: {error}"
        raise InputError(reason, file=file.name, hint=_GIVE) from error
    if not isinstance(content, dict):
        raise InputError("not findings, but JSON of another kind", file=file.name, hint=_GIVE)
    return content


def _exchanges(path: Path) -> "pa.Table":
    import pyarrow as pa

    from spiritsafe.ingest.read import Reading
    from spiritsafe.ingest.sources import find
    from spiritsafe.model.columns import EXCHANGES

    reading = Reading(EXCHANGES)
    parts = [batch.table.select(_LEAKED) for file in find([path]) for batch in reading.batches(file)]
    return pa.concat_tables(parts).unify_dictionaries()


def _tables(result: "Evaluation") -> "Iterable[Table]":
    yield _table(
        "campaigns",
        ("campaign", "members", "found", "tier", "recall", "in one campaign", "exchanges leaked"),
        (
            (s.campaign, s.members, "yes" if s.found else "no", s.tier, s.recall, s.largest, s.leaked)
            for s in result.campaigns
        ),
    )
    yield _table(
        "accounts named",
        ("tier", "accounts", "of a campaign", "precision"),
        ((s.tier, s.accounts, s.positives, s.precision) for s in result.tiers),
    )
    yield _table(
        "honest accounts wrongly named",
        ("cohort", "accounts", "linked", "suspected", "confirmed", "suspected, 95 % bound"),
        ((s.cohort, s.accounts, s.linked, s.suspected, s.confirmed, s.suspected_upper) for s in result.cohorts),
    )


def _table(title: str, names: Iterable[str], rows: Iterable[Iterable[object]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(*names, title=title, box=None, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    from spiritsafe.casework.plain import plain

    match value:
        case None:
            return "-"
        case float():
            return f"{value:.3f}"
        case int():
            return f"{value:,}"
        case _:
            return plain(str(value))
