"""A folder for DuckDB's spill that vanishes with its owner, or with the next one if the owner was killed.

Each owner holds a lock inside its folder, so what is left by the dead can be told from what is in use.
"""

import os
import shutil
import tempfile
from pathlib import Path

from spiritsafe.engine.locks import FileLock

__all__ = ["Spill", "spill_base"]

_OWNER = "owner.lock"


class Spill:
    """An owned, empty folder under ``base``; sweeps abandoned neighbours first.

    Raises:
        OSError: if ``base`` cannot be written.
    """

    def __init__(self, base: Path) -> None:
        base.mkdir(parents=True, exist_ok=True)
        gate = FileLock(base / "gate.lock", shared=False, wait=True)
        try:
            _sweep(base)
            self.path = Path(tempfile.mkdtemp(prefix="spill-", dir=base))
            self._lock = FileLock(self.path / _OWNER, shared=False, wait=False)
        finally:
            gate.release()

    def close(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def spill_base(root: Path) -> Path:
    """Return where to spill: inside the store if it can be written, else the system's temporary folder."""
    if os.access(root, os.W_OK, effective_ids=True):
        return root / "spill"
    return Path(tempfile.gettempdir()) / f"spiritsafe-spill-{os.getuid()}"


def _sweep(base: Path) -> None:
    for folder in base.glob("spill-*"):
        try:
            lock = FileLock(folder / _OWNER, shared=False, wait=False)
        except OSError:
            continue  # in use, or being deleted by its owner
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
