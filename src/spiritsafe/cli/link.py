"""``spiritsafe link``: groups of accounts from a links table alone.

For providers who have their own links and no exchange logs at hand. Sharing is not guilt, so the exit
code is 0 whatever is linked.
"""

from pathlib import Path

from spiritsafe.cli.parser import Options, Parser, settings_of
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare the words and options."""
    parser.add_argument("links", type=Path, metavar="LINKS", help="a links table: account_id, family, value ...")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here instead of to stdout")
    parser.add_on_error()
    parser.add_config()
    parser.add_argument("--json", action="store_true", help="as always: groups are printed as JSON")


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Group the accounts and write ``{"groups": [...]}``."""
    import msgspec

    from spiritsafe.engine.segments import storage_errors
    from spiritsafe.ingest.quarantine import Quarantine
    from spiritsafe.pipeline.link import link_groups

    folder = options.out.parent if options.out else Path()
    with Quarantine(folder / "quarantine.jsonl") as aside:
        found = link_groups(options.links, settings_of(options), aside)
    if aside.count:
        terminal.say(f"Unreadable rows left out: {aside.count:,}, set aside in {aside.path}")
    if options.out is None:
        terminal.json(found)
    else:
        with storage_errors(options.out):
            options.out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        terminal.say(f"Groups: {options.out}")
    return ExitCode.NOTHING_FOUND
