"""Paths, folders and globs become a sorted list of files to read.

Sorted and de-duplicated by the file itself, because the order of reading and the set of files must
not depend on the file system, and a file reached by two names must not count twice.
"""

import glob
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spiritsafe.model.errors import InputError

__all__ = ["Meter", "Source", "find", "source"]

_log = logging.getLogger("spiritsafe.ingest")
_SIDE_TABLES = frozenset({"accounts", "entities", "labels", "links", "models"})


@dataclass(slots=True)
class Meter:
    """How far a reader is through a file, 0 to 1; readers move it, progress bars look at it.

    Attributes:
        share: what has been read.
        stamp: size, change time and identity of the file when it was first opened, None before that.
    """

    share: float = 0.0
    stamp: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One file of records.

    Attributes:
        path: where it is.
        name: the path as the caller would name it; used in every message.
        size: bytes on disk.
        meter: how far it has been read.
    """

    path: Path
    name: str
    size: int
    meter: Meter = field(default_factory=Meter, repr=False, compare=False)
    _known: list[str] = field(default_factory=list, repr=False, compare=False)

    def digest(self) -> str:
        """Return the BLAKE2b-256 digest of the content, in hexadecimal; reads once, in constant memory.

        Raises:
            InputError: the file cannot be read.
        """
        if not self._known:
            try:
                with self.path.open("rb") as file:
                    self.require_unchanged()
                    self._known.append(hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest())
            except OSError as error:
                raise _unreadable(self.path, error) from error
        return self._known[0]

    def require_unchanged(self) -> None:
        """Raise if the file is not what it was at the first call: findings must not come from half a file.

        Raises:
            InputError: it grew, shrank, was written to, replaced or removed.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise _unreadable(self.path, error) from error
        stamp = (status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)
        if self.meter.stamp is None:
            self.meter.stamp = stamp
        if self.meter.stamp != stamp:
            raise InputError(
                "the file changed while it was read",
                file=self.name,
                hint="Scan it once it is complete; nothing of it was taken.",
            )


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot be read: {error.strerror or error}",
        file=_name(path),
        hint="Check that it exists and that you may read it.",
    )


def _name(path: Path) -> str:
    """Return a path as text that any stream and database takes; a name may hold bytes that are not UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def source(path: Path) -> Source:
    """Return the source for one file.

    Raises:
        InputError: it is missing, not a regular file, or not readable.
    """
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "does not exist"
            raise InputError(what, file=_name(path), hint="Name a file, a folder or a glob that holds logs.")
        with path.open("rb") as file:
            return Source(path, _name(path), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise _unreadable(path, error) from error


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder; each folder once, whatever links lead to it."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        entries = _entries(waiting.pop(), seen)
        for entry in entries:
            if entry.name.startswith((".", "_")):
                continue
            if entry.is_dir():
                waiting.append(entry)
            elif entry.name.split(".")[0] in _SIDE_TABLES:
                _log.warning("not read as exchanges", extra={"source": _name(entry)})
            else:
                yield entry


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    here = (status.st_dev, status.st_ino)
    if here in seen:
        return []
    seen.add(here)
    return [folder / "exchanges"] if folder / "exchanges" in entries and (folder / "exchanges").is_dir() else entries


def _matches(pattern: Path) -> list[Path]:
    """Return what a glob matches, without following links on the way down: they may lead in a circle."""
    anchor = Path(pattern.anchor)
    found = sorted(anchor.glob(str(pattern.relative_to(pattern.anchor))))
    asked = set(pattern.parts)
    return [path for path in found if not any(p.startswith(".") and p not in asked for p in path.parts)]


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        files = list(_walk(path))
        if not files:
            raise InputError(
                "the folder holds no log files",
                file=_name(path),
                hint="Names that begin with '.' or '_' are not read; name the folder that holds the logs.",
            )
        return files
    if not path.exists() and glob.has_magic(str(path)):
        matches = _matches(path)
        if not matches:
            raise InputError("the glob matches nothing", file=_name(path), hint="Check the pattern.")
        return [file for match in matches for file in (_expand(match) if match.is_dir() else [match])]
    return [path]


def find(paths: list[Path]) -> list[Source]:
    """Return the files that ``paths`` name: each once, sorted by name.

    A folder is read recursively; names that begin with ``.`` or ``_`` (as Spark's ``_SUCCESS``) are
    passed over, and so are accounts, labels, links, models and entities tables beside the logs. A folder
    that holds ``exchanges/``, as a simulated world does, stands for that subfolder.

    Raises:
        InputError: a path is missing or unreadable, a folder or a glob is empty.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        try:
            for file in _expand(path):
                named = source(file)
                found.setdefault(file.resolve(), named)
        except (OSError, RuntimeError, ValueError) as error:  # a name too long, a circle of links, a bad pattern
            raise InputError(
                f"cannot be looked for: {getattr(error, 'strerror', None) or error}",
                file=_name(path),
                hint="Name files or folders that exist, or a pattern such as logs/*.parquet.",
            ) from error
    return sorted(found.values(), key=lambda item: item.name)
