"""``spiritsafe simulate``: a labelled world in the contract's shape.

The same words give the same world, so a figure in a report can be made again by whoever doubts it.
"""

from pathlib import Path

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode, UsageError

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare the words and options."""
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="where exchanges/ and the tables go")
    parser.add_argument("--accounts", type=int, metavar="N", default=1_000, help="honest accounts (%(default)s)")
    parser.add_argument("--days", type=int, metavar="D", default=10, help="length in days (%(default)s)")
    parser.add_argument(
        "--campaign", action="append", default=[], metavar="ARCHETYPE:ACCOUNTS[:key=value,...]",
        help="add a campaign, as C1:60:cover=.4,rate=20; repeat for more; docs/worlds.md lists the keys",
    )  # fmt: skip
    parser.add_argument(
        "--cohort",
        action="append",
        default=[],
        metavar="NAME:ACCOUNTS",
        help="honest accounts of one cohort instead of the mix; repeat for more",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="real prompts and rate curves to build from")
    parser.add_argument(
        "--families", choices=("tune", "holdout", "all"), default="all", help="half of the texts to use (%(default)s)"
    )
    parser.add_argument("--exchanges", type=int, metavar="N", help="thin honest traffic to about this many exchanges")
    parser.add_argument(
        "--seed", type=int, metavar="S", default=0, help="every random number descends from it (%(default)s)"
    )
    parser.add_json()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Build the world and write it."""
    from spiritsafe.simulation.worlds import Families, WorldSpec, build, parse_campaign, write

    world = build(
        WorldSpec(
            accounts=options.accounts,
            days=options.days,
            campaigns=tuple(parse_campaign(text) for text in options.campaign),
            seed=options.seed,
            families=Families(options.families),
            exchanges_target=options.exchanges,
            data=options.data,
            cohorts=dict(_cohort(text) for text in options.cohort) or None,
        )
    )
    write(world, options.out)
    counts = {"exchanges": world.exchanges.num_rows, "accounts": world.accounts.num_rows}
    if options.json:
        terminal.json({"out": str(options.out), **counts})
    terminal.say(f"Wrote {counts['exchanges']:,} exchanges of {counts['accounts']:,} accounts to {options.out}")
    return ExitCode.NOTHING_FOUND


def _cohort(text: str) -> tuple[str, int]:
    name, _, size = text.partition(":")
    if not (size.isascii() and size.isdigit()):
        raise UsageError(f"cohort {text!r}: {size!r} is not a number of accounts", hint="Write NAME:ACCOUNTS.")
    return name, int(size)
