"""The ``spiritsafe`` command: finds the command's file, reads its options, turns errors into exit codes.

The list of commands is data and a command's file is imported only when it is called, so that
``spiritsafe --help`` answers at once although a scan needs DuckDB, numba and igraph.
"""

import importlib
import os
import signal
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from types import FrameType
from typing import Protocol, cast

from spiritsafe.__about__ import __version__
from spiritsafe.cli import failures
from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode, UsageError

__all__ = ["COMMANDS", "Command", "main"]

COMMANDS = {
    "scan": "find campaigns in exchange logs",
    "link": "group accounts from a links table alone",
    "simulate": "write a labelled world to try things on",
    "evaluate": "compare findings with labels",
    "policy": "make, check, sign, apply and undo policies: what is done about whom",
    "export": "write findings as OCSF events or CSV",
    "gateway": "a reverse proxy that captures and enforces, and the endpoint that decides",
    "receipts": "list what a gateway has enforced",
    "envoy": "write the configuration with which Envoy asks a gateway about every request",
    "pseudonym": "look up the pseudonyms of an identifier in a store",
    "vault": "keys for sealed identifiers; open, purge and verify them",
}
"""Command -> what it does, in the order of help; ``spiritsafe.cli.<command>`` holds it."""

EXIT_CODES = "exit codes: 0 nothing found, 4 findings, 2 usage or bad input, 1 failure, 3 an outside service failed"
_HINT = "List the commands with: spiritsafe --help"
_TERMINATED = 128 + signal.SIGTERM


class Command(Protocol):
    """What every command's file offers."""

    def arguments(self, parser: Parser) -> None:
        """Declare the command's words and options."""
        ...

    def run(self, options: Options, terminal: Terminal) -> ExitCode:
        """Do it."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after ``spiritsafe``; None for those of this process.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        signal.signal(signal.SIGTERM, _terminate)
        return int(_run(words))
    except SystemExit as end:  # help, the version, or a signal
        return end.code if isinstance(end.code, int) else 0
    except BaseException as error:  # noqa: BLE001 - the outermost frame: whatever it is, a script gets its code
        return failures.report(error, sys.stderr, debug=bool(os.environ.get("SPIRITSAFE_DEBUG")))


def _run(words: list[str]) -> ExitCode:
    if not words or words[0].startswith("-"):
        _root().parse_args(words)
        raise UsageError("no command is named", hint=_HINT)
    name, *rest = words
    if name not in COMMANDS:
        raise UsageError(f"unknown command {name!r}", hint=_HINT)
    from spiritsafe.cli import logs

    command = cast("Command", importlib.import_module(f"spiritsafe.cli.{name}"))
    parser = Parser(prog=f"spiritsafe {name}", description=COMMANDS[name].capitalize() + ".", epilog=EXIT_CODES)
    command.arguments(parser)
    logs.add_options(parser)
    options = parser.parse_args(rest)
    logs.configure(options)
    terminal = Terminal()
    code = command.run(options, terminal)
    terminal.flush()
    return code


def _root() -> Parser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {does}" for name, does in COMMANDS.items())
    parser = Parser(
        prog="spiritsafe",
        usage="spiritsafe COMMAND ...",
        description="Finds coordinated distillation campaigns in the exchange logs of a model API.",
        epilog=f"commands:\n{listed}\n\nspiritsafe COMMAND --help tells more.\n{EXIT_CODES}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"spiritsafe {__version__}")
    return parser


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Unwind on SIGTERM, so that temporary folders go."""
    raise SystemExit(_TERMINATED)
