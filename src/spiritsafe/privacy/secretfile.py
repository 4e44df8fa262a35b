"""Secret files: made once, readable by their owner alone, never half written.

The key appears under its name by a hard link to a finished file, so that of two processes that start
together exactly one makes the key and the other reads it whole.
"""

import os
import secrets
import stat
from pathlib import Path

from spiritsafe.model.errors import ConfigError, StoreError

__all__ = ["create_secret", "read_secret"]

_LIMIT = 4096  # bytes; every secret here has fewer than a hundred


def create_secret(path: Path, content: bytes) -> bool:
    """Write ``content`` to a new file of mode 0600; return False if there already is one.

    Raises:
        StoreError: if the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write(draft, content)
            os.link(draft, path)
            _sync_folder(path.parent)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot write a key: {error.strerror}", hint="Make the folder writable or choose another."
        ) from error
    return True


def read_secret(path: Path) -> bytes | None:
    """Return the content of a secret file, None if there is none.

    Raises:
        ConfigError: if anyone but its owner may read or change it, or it is no regular file.
        StoreError: if it cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="Run as the owner of the key.") from error
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise ConfigError(
                f"{path}: mode {stat.S_IMODE(mode):04o} lets others at the key",
                hint=f"Run: chmod 600 {path} - and consider whether somebody has read it.",
            )
        return os.read(fd, _LIMIT)
    finally:
        os.close(fd)


def _write(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
