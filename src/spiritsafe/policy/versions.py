"""The policies that were applied: files by number, one of them current, the way back kept.

What is current stands in one small file that is replaced in a single rename, after the policy is on the disk and
the journal has a row for it. So a crash leaves the old policy or the new one, and no change that nobody answers for;
at most a journal row whose change did not come to be.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from spiritsafe.model.errors import StoreError, VaultError
from spiritsafe.policy.load import load_table
from spiritsafe.privacy.audit import AuditRow, Outcome, record, verify

__all__ = ["KEPT", "Kept", "Versions"]

KEPT = 20
"""Policies that are kept, and changes that can be undone one after the other."""
_DAMAGED = "Restore the folder from a backup; the journal beside it says what was in force."
_POINTER, _JOURNAL, _LOCK = "current.json", "journal.jsonl", "lock"


class Kept(msgspec.Struct, frozen=True):
    """A policy on the disk."""

    version: int
    path: Path


class _Pointer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is current.

    Attributes:
        history: versions, the current one first and behind it those to which one can go back; 0 is none, before the
            first and once that was undone.
        newest: the largest version that was ever applied; a number is never given twice.
    """

    history: list[int]
    newest: int


class Versions:
    """The policies of one folder; any number of readers, one change at a time.

    Args:
        folder: made when the first policy is applied.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Kept | None:
        """Return the policy in force, None if none was applied yet or all were undone.

        Raises:
            StoreError: the folder is damaged or cannot be read.
        """
        pointer = self._pointer()
        if pointer is None or not pointer.history[0]:
            return None
        version = pointer.history[0]
        return Kept(version, self._path(version))

    def newest(self) -> int:
        """Return the largest version that was ever applied, 0 if none was; the next one must be larger."""
        pointer = self._pointer()
        return pointer.newest if pointer else 0

    def apply(self, content: bytes, *, trusted: Collection[str] = (), now_us: int, who: str, why: str) -> int:
        """Put a policy in force and return its version.

        Args:
            content: a policy file.
            trusted: public keys of operators whose ``suspend`` rows are taken.
            now_us: microseconds since the epoch, UTC; rows that have expired are refused.
            who, why: for the journal.

        Raises:
            InputError: it is no policy.
            StoreError: it is no newer than what was applied, another process is at it, or the disk refuses.
        """
        version = load_table(content, secret=b"", trusted=trusted, now_us=now_us).header.version
        with self._alone():
            before = self._pointer() or _Pointer(history=[0], newest=0)
            if version <= before.newest:
                raise StoreError(
                    f"{self.folder}: version {version} is not newer than {before.newest}, which was applied before",
                    hint=f"Write the policy with version {before.newest + 1} or larger.",
                )
            _write(self._path(version), content)
            history = [version, *before.history][:KEPT]
            self._record("apply", version, before.history[:1], now_us=now_us, who=who, why=why)
            self._point(_Pointer(history=history, newest=version))
            self._forget(history)
        return version

    def undo(self, *, now_us: int, who: str, why: str) -> int:
        """Go back to what was in force before this policy, and return its version; 0 where that was none.

        Raises:
            StoreError: there is none, another process is at it, or the disk refuses.
        """
        with self._alone():
            before = self._pointer()
            if before is None or len(before.history) < 2:
                raise StoreError(
                    f"{self.folder}: there is no policy to go back to", hint="To end all rows, apply one without rows."
                )
            undone, version, *_ = before.history
            self._record("undo", version, [undone], now_us=now_us, who=who, why=why)
            self._point(_Pointer(history=before.history[1:], newest=before.newest))
        return version

    def journal(self) -> list[AuditRow]:
        """Return who applied and undid what, when and why, after checking that no row was changed.

        Raises:
            StoreError: the journal is damaged.
        """
        try:
            return verify(self.folder / _JOURNAL)
        except VaultError as error:
            raise StoreError(error.message, hint=error.hint) from error

    def _path(self, version: int) -> Path:
        return self.folder / f"policy-{version:010d}.jsonl"

    def _pointer(self) -> _Pointer | None:
        path = self.folder / _POINTER
        try:
            pointer = msgspec.json.decode(path.read_bytes(), type=_Pointer)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", hint="Check who may read it.") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreError(f"{path}: damaged: {error}", hint=_DAMAGED) from error
        if not pointer.history:
            raise StoreError(f"{path}: damaged: names no policy", hint=_DAMAGED)
        return pointer

    def _point(self, pointer: _Pointer) -> None:
        _write(self.folder / _POINTER, msgspec.json.encode(pointer))

    def _record(self, action: str, version: int, before: list[int], *, now_us: int, who: str, why: str) -> None:
        detail = {"action": action, "version": str(version), "who": who, "why": why}
        told = detail | ({"before": str(before[0])} if any(before) else {})
        try:
            record(self.folder / _JOURNAL, at_us=now_us, outcome=Outcome.GRANTED, detail=told)
        except VaultError as error:
            raise StoreError(error.message, hint="No policy changes without a row in the journal.") from error

    def _forget(self, history: list[int]) -> None:
        """Delete what no undo leads to and is not among the last, and drafts of processes that died."""
        kept = sorted(self.folder.glob("policy-*.jsonl"))
        wanted = {self._path(version) for version in history} | set(kept[-KEPT:])
        for path in [*(path for path in kept if path not in wanted), *self.folder.glob("*.draft")]:
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock, which the kernel drops when its holder dies; say so where another one holds it."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
            finally:
                os.close(fd)
        except BlockingIOError as error:
            raise StoreError(
                f"{self.folder}: another process is changing the policy", hint="Look at what it did, then try again."
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self.folder}: {error.strerror}", hint="Check who may write it and the free space."
            ) from error


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place so that whoever looks sees the old one or the new one, whole."""
    draft = path.with_name(f"{path.name}.draft")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
