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
    """How far a reader is through a file, 0 to 1; readers move it, progress bars look at it."""

    share: float = 0.0


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
                    self._known.append(hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest())
            except OSError as error:
                raise _unreadable(self.path, error) from error
        return self._known[0]


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot be read: {error.strerror or error}",
        file=str(path),
        hint="Check that it exists and that you may read it.",
    )


def source(path: Path) -> Source:
    """Return the source for one file.

    Raises:
        InputError: it is missing, not a regular file, or not readable.
    """
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "does not exist"
            raise InputError(what, file=str(path), hint="Name a file, a folder or a glob that holds logs.")
        with path.open("rb") as file:
            return Source(path, str(path), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise _unreadable(path, error) from error


def _walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files of a folder; ``above`` are the folders on the way down, where a link may loop back."""
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    if folder / "exchanges" in entries and (folder / "exchanges").is_dir():
        entries = [folder / "exchanges"]
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {here})
        elif entry.name.split(".")[0] in _SIDE_TABLES:
            _log.warning("not read as exchanges", extra={"source": str(entry)})
        else:
            yield entry


def _matches(pattern: str) -> list[str]:
    # Path.glob wants the fixed part apart from the pattern; a user's pattern is one string, maybe absolute.
    return glob.glob(pattern, recursive=True)  # noqa: PTH207


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        files = list(_walk(path, frozenset()))
        if not files:
            raise InputError(
                "the folder holds no log files",
                file=str(path),
                hint="Names that begin with '.' or '_' are not read; name the folder that holds the logs.",
            )
        return files
    if not path.exists() and glob.has_magic(str(path)):
        matches = [Path(name) for name in sorted(_matches(str(path)))]
        if not matches:
            raise InputError("the glob matches nothing", file=str(path), hint="Check the pattern.")
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
        for file in _expand(path):
            named = source(file)
            found.setdefault(file.resolve(), named)
    return sorted(found.values(), key=lambda item: item.name)
