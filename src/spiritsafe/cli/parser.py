"""The options' parser: the standard library's, with our errors.

Argparse and not Typer or Click, because importing either takes longer than ``--help`` may (150 ms).
"""

from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from spiritsafe.model.errors import UsageError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from spiritsafe.model.settings import Settings

    Actions = _SubParsersAction["Parser"]

__all__ = ["Options", "Parser", "given", "settings_of"]

Options = Namespace


class Parser(ArgumentParser):
    """An argument parser that refuses abbreviations and raises instead of exiting.

    Args:
        prog: the command as the caller types it.
        description: what it does.
        epilog: printed below the options.
        usage: the usage line; None to derive it.
        formatter_class: how help is laid out.
    """

    def __init__(
        self,
        prog: str,
        description: str = "",
        epilog: str = "",
        usage: str | None = None,
        formatter_class: type[HelpFormatter] = HelpFormatter,
    ) -> None:
        super().__init__(prog, usage, description, epilog, formatter_class=formatter_class, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Report a usage error.

        Raises:
            UsageError: always.
        """
        raise UsageError(message, hint=f"See: {self.prog} --help")

    def add_actions(self) -> "Actions":
        """Return where the parsers of the command's actions go; the one that is named ends up in ``action``."""
        return self.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add_config(self) -> None:
        """Add ``--config``, which every command that reads settings has."""
        self.add_argument("--config", type=Path, metavar="F", help="settings (default: spiritsafe.toml here, if any)")

    def add_on_error(self) -> None:
        """Add ``--on-error``, which every command that reads tables has."""
        self.add_argument(
            "--on-error", choices=("fail", "quarantine", "skip"), help="what becomes of an unreadable row (fail)"
        )

    def add_json(self) -> None:
        """Add ``--json``, which every command that prints data has."""
        self.add_argument("--json", action="store_true", help="print data as JSON")


def settings_of(options: Options) -> "Settings":
    """Return the settings that ``--config`` names, with what ``--on-error`` says instead."""
    from spiritsafe.model.settings import OnError, load_settings

    settings = load_settings(options.config)
    if options.on_error is None:
        return settings
    ingest = settings.ingest.model_copy(update={"on_error": OnError(options.on_error)})
    return settings.model_copy(update={"ingest": ingest})


def given(options: Mapping[str, Path | None]) -> dict[str, Path]:
    """Return the options that the caller gave."""
    return {name: path for name, path in options.items() if path is not None}
