"""A chain of audit rows: each carries the SHA-256 of the one before.

A changed, dropped or reordered row breaks every digest after it. Cutting rows off the end leaves a
valid shorter chain, so whoever must be able to tell keeps the last digest elsewhere and passes it to
:func:`verify`.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from spiritsafe.model.errors import VaultError
from spiritsafe.privacy.appendlog import append, complete_lines

__all__ = ["GENESIS", "AuditRow", "Outcome", "record", "verify"]

GENESIS = "0" * 64
"""What the first row names as its predecessor."""


class Outcome(StrEnum):
    """What became of a request."""

    GRANTED = "granted"
    REFUSED = "refused"


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its outcome.

    Attributes:
        number: 0, 1, 2, ...
        at_us: when, microseconds since the epoch, UTC.
        outcome: granted or refused.
        detail: what was asked for, by whom and why; never a raw identifier.
        previous: digest of the row before.
        digest: SHA-256, hex, of this row without this field.
    """

    number: int
    at_us: int
    outcome: Outcome
    detail: dict[str, str]
    previous: str
    digest: str = ""


def record(path: Path, *, at_us: int, outcome: Outcome, detail: Mapping[str, str]) -> None:
    """Append a row; on return it is on the disk.

    Raises:
        VaultError: if it cannot be written, or the last row is damaged.
    """

    def make(last: bytes) -> list[bytes]:
        before = _decode(last, path) if last else None
        row = AuditRow(
            number=before.number + 1 if before else 0,
            at_us=at_us,
            outcome=outcome,
            detail=dict(detail),
            previous=before.digest if before else GENESIS,
        )
        return [msgspec.json.encode(msgspec.structs.replace(row, digest=_digest(row)))]

    try:
        append(path, make)
    except OSError as error:
        raise VaultError(
            f"{path}: the audit row cannot be written: {error.strerror}",
            hint="Nothing is opened without one; free some disk space or make the folder writable.",
        ) from error


def verify(path: Path, *, head: str | None = None) -> list[AuditRow]:
    """Return the rows after checking the whole chain.

    Args:
        path: the audit file; a missing one is an empty chain.
        head: digest that must still be in the chain, if one was kept elsewhere.

    Raises:
        VaultError: naming the first line that is not what was written, or if ``head`` is gone.
    """
    rows: list[AuditRow] = []
    previous = GENESIS
    for number, line in enumerate(complete_lines(path)):
        row = _decode(line, path)
        if (row.number, row.previous, row.digest) != (number, previous, _digest(row)):
            raise VaultError(f"{path}, line {number + 1}: the audit chain is broken", hint=_TAMPERED)
        rows.append(row)
        previous = row.digest
    if head is not None and head not in {GENESIS, *(row.digest for row in rows)}:
        raise VaultError(f"{path}: rows have been cut off the audit chain", hint=_TAMPERED)
    return rows


_TAMPERED = "Somebody has changed the file; compare it with a backup."


def _decode(line: bytes, path: Path) -> AuditRow:
    try:
        return msgspec.json.decode(line, type=AuditRow)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VaultError(f"{path}: an audit row cannot be read: {error}", hint=_TAMPERED) from error


def _digest(row: AuditRow) -> str:
    body: dict[str, Any] = msgspec.to_builtins(row)
    del body["digest"]
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
