"""``spiritsafe scan``: exchange logs to campaigns.

The table goes to stdout for people, the findings themselves with ``--json``; linked groups are
information, so only suspected and confirmed ones make the exit code 4.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser, given, settings_of
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode
from spiritsafe.model.words import Format

if TYPE_CHECKING:
    from spiritsafe.model.findings import Findings

__all__ = ["arguments", "run", "verdict"]

_SIDES = {
    "accounts": "one row per account: sign-up, payment, device, programme",
    "models": "when models were released, and their prices",
    "links": "links between accounts that you already have",
}


def arguments(parser: Parser) -> None:
    """Declare the words and options."""
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOGS", help="files, folders or globs of exchanges")
    for name, holds in _SIDES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="F", help=holds)
    parser.add_argument(
        "--entities",
        action="append",
        default=[],
        metavar="F[:TAG]",
        help="what is known of networks, ASNs, domains and TLS fingerprints: an entities table, a published list, a "
        "MaxMind .mmdb; may be repeated, and TAG says what a list's networks are (vpn, tor, hosting ...)",
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="keep rollups here; later scans read only what is new"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path("spiritsafe-out"),
        help="where findings.json and report.html go (%(default)s)",
    )
    parser.add_argument("--format", choices=list(Format), help="the logs' format (default: by content)")
    parser.add_on_error()
    parser.add_config()
    parser.add_json()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Scan, print what was found and where the report lies."""
    from spiritsafe.casework.terminal import campaign_table
    from spiritsafe.ingest.entities import EntityFile
    from spiritsafe.pipeline.scan import ScanRequest, scan

    request = ScanRequest(
        logs=options.logs,
        sides=given({name: getattr(options, name) for name in _SIDES}),
        entities=tuple(EntityFile.parse(text) for text in options.entities),
        store=options.store,
        out=options.out,
        format=options.format and Format(options.format),
    )
    with terminal.progress() as progress:
        result = scan(request, settings_of(options), progress)
    if options.json:
        terminal.json(result.findings)
    else:
        terminal.show(campaign_table(result))
    aside = request.out / "quarantine.jsonl"
    if result.findings.scanned.quarantined:
        where = f", set aside in {aside}" if aside.exists() else ""
        terminal.say(f"Unreadable rows left out: {result.findings.scanned.quarantined:,}{where}")
    terminal.say(f"Findings: {request.out / 'findings.json'}")
    terminal.say(f"Report:   {request.out / 'report.html'}")
    return verdict(result.findings)


def verdict(findings: "Findings") -> ExitCode:
    """Return 4 if any campaign or account is suspected or confirmed, else 0."""
    from spiritsafe.model.words import Tier

    tiers = {item.tier for item in findings.campaigns} | {item.tier for item in findings.accounts}
    return ExitCode.FINDINGS if tiers - {Tier.LINKED} else ExitCode.NOTHING_FOUND
