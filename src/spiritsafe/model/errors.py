"""One error tree; every message says what happened, where, and what to do next.

The exit code sits on the class, because the contract fixes what each kind of failure means to a
calling script and a second table would drift::

    SpiritsafeError            1  something failed here
    ├── UsageError             2  the call's words or the configuration are off
    │   └── ConfigError        2  names the key and, where known, the line
    ├── InputError             2  a file, row or column cannot be read
    ├── StoreError             1  the store is damaged, locked or not ours
    ├── VaultError             1  a sealed identifier cannot or may not be opened
    └── OutsideError           3  a service that is not ours failed
"""

from enum import IntEnum

__all__ = [
    "ConfigError",
    "ExitCode",
    "InputError",
    "OutsideError",
    "SpiritsafeError",
    "StoreError",
    "UsageError",
    "VaultError",
]


class ExitCode(IntEnum):
    """What the contract promises to scripts."""

    NOTHING_FOUND = 0
    FAILURE = 1
    BAD_INPUT = 2
    OUTSIDE_SERVICE = 3
    FINDINGS = 4


class SpiritsafeError(Exception):
    """The root of every error that spiritsafe raises on purpose.

    Args:
        message: what happened and where.
        hint: what the reader can do about it; printed on a line of its own.
    """

    exit_code = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(SpiritsafeError):
    """The call's words or the configuration are off."""

    exit_code = ExitCode.BAD_INPUT


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or out of range."""


class InputError(SpiritsafeError):
    """A file, row or column cannot be read.

    Args:
        message: what is wrong.
        file: the file's path as the caller named it.
        row: one-based row (record) number within the file, header not counted; None if the whole file.
        column: the column's name, if one is to blame.
        hint: what to do.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(
        self, message: str, *, file: str = "", row: int | None = None, column: str = "", hint: str = ""
    ) -> None:
        parts = [file, f"row {row}" if row is not None else "", f"column {column!r}" if column else ""]
        where = ", ".join(part for part in parts if part)
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.reason = message
        self.file = file
        self.row = row
        self.column = column


class StoreError(SpiritsafeError):
    """The store is damaged, locked or not ours."""


class VaultError(SpiritsafeError):
    """A sealed identifier cannot or may not be opened."""


class OutsideError(SpiritsafeError):
    """A service that is not ours failed."""

    exit_code = ExitCode.OUTSIDE_SERVICE
