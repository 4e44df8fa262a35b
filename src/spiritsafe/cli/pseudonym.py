"""``spiritsafe pseudonym``: which pseudonyms an identifier has in a store, and which accounts share them.

What an investigator needs when somebody else names an address or a card: the report shows pseudonyms only.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.epochs import PSEUDONYMISED
from spiritsafe.model.errors import ExitCode

if TYPE_CHECKING:
    from spiritsafe.pipeline.investigate import Sighting

__all__ = ["arguments", "run"]

_SHOWN = 5


def arguments(parser: Parser) -> None:
    """Declare the words and options."""
    parser.add_argument("raw", metavar="RAW", help="the identifier; - reads it from stdin, out of the shell's history")
    parser.add_argument("--store", type=Path, metavar="DIR", required=True, help="the store that a scan wrote")
    parser.add_argument("--field", choices=sorted(PSEUDONYMISED), help="what it is (default: whatever it could be)")
    parser.add_config()
    parser.add_json()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Look it up and print each pseudonym."""
    from spiritsafe.model.settings import load_settings
    from spiritsafe.model.words import TraitKind
    from spiritsafe.pipeline.investigate import look_up

    raw = sys.stdin.readline().strip() if options.raw == "-" else options.raw
    kinds = frozenset({TraitKind(options.field)} if options.field else ())
    found = look_up(raw, options.store, load_settings(options.config), kinds)
    if options.json:
        terminal.json({"pseudonyms": found})
    else:
        for sighting in _notable(found):
            terminal.data(_line(sighting) + "\n")
    return ExitCode.NOTHING_FOUND


def _notable(found: "list[Sighting]") -> "list[Sighting]":
    """Return what was seen; if nothing was, the newest pseudonym of each kind, so that it can be searched for."""
    seen = [sighting for sighting in found if sighting.accounts]
    return seen or list({sighting.kind: sighting for sighting in found}.values())


def _line(sighting: "Sighting") -> str:
    from spiritsafe.casework.plain import plain

    name = f"{sighting.kind:13} epoch {sighting.epoch:<4} {sighting.label}"
    if not sighting.accounts:
        return f"{name}  not seen"
    more = len(sighting.accounts) - _SHOWN
    who = ", ".join(plain(account) for account in sighting.accounts[:_SHOWN]) + (
        f" and {more} more" if more > 0 else ""
    )
    return f"{name}  {sighting.first_seen} to {sighting.last_seen}: {who}"
