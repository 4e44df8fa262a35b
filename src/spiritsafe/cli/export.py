"""``spiritsafe export``: findings in the shapes that other tools read.

A command of its own rather than an option of ``scan``, because findings are exported when somebody wants them
elsewhere: again, to another tool, from an archive. Stdout is data, so that it can be piped to a collector.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode

if TYPE_CHECKING:
    from spiritsafe.model.findings import Findings

__all__ = ["arguments", "run"]

_SHAPES = {
    "ocsf": "OCSF 1.5.0 Detection Finding events, one JSON object a line, for a SIEM",
    "csv": "a row per account, for a spreadsheet; no cell is a formula",
}


def arguments(parser: Parser) -> None:
    """Declare a parser per shape."""
    actions = parser.add_actions()
    for name, does in _SHAPES.items():
        action = actions.add_parser(name, help=does, description=f"Export findings as {does}.")
        action.add_argument("findings", type=Path, metavar="FINDINGS", help="findings.json of a scan")
        action.add_argument("--out", type=Path, metavar="FILE", help="write here instead of to stdout")
        if name == "ocsf":
            action.add_argument("--json", action="store_true", help="as always: events are printed as JSON")


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Read the findings and write them in the shape that the action names."""
    from spiritsafe.casework.findings import read_findings

    findings = read_findings(options.findings)
    lines = {"ocsf": _ocsf, "csv": _csv}[options.action](findings)
    if options.out is None:
        for line in lines:
            terminal.data(line)
    else:
        options.out.write_text("".join(lines), encoding="utf-8", newline="")
        terminal.say(f"Exported: {options.out}")
    return ExitCode.NOTHING_FOUND


def _ocsf(findings: "Findings") -> Iterable[str]:
    import msgspec

    from spiritsafe.casework.export.ocsf import events

    return (msgspec.json.encode(event).decode() + "\n" for event in events(findings))


def _csv(findings: "Findings") -> Iterable[str]:
    from spiritsafe.casework.export.spreadsheet import COLUMNS, csv_lines, rows

    return csv_lines(COLUMNS, rows(findings))
