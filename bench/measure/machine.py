"""What a figure was measured with: the command, the versions, the machine, the day.

A figure without these cannot be doubted properly. They come from the machine at the edge and never
enter a measurement.
"""

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from measure.trial import code_digest
from spiritsafe.__about__ import __version__

__all__ = ["Circumstances", "circumstances"]

_TOLD = ("numpy", "numba", "duckdb", "pyarrow", "igraph", "scipy")


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """The circumstances of a run.

    Attributes:
        command: words that make the run again, data folder left out.
        code: digest of the package's code.
        versions: of Python, spiritsafe and the libraries that compute.
        machine: system, cores and memory.
        date: day of the run, UTC, ISO 8601.
    """

    command: str
    code: str
    versions: dict[str, str]
    machine: str
    date: str

    def sentence(self) -> str:
        """Return them as one line of Markdown."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"`{self.command}`, {self.date}, {self.machine}; {versions}; code {self.code}."


def circumstances(script: str) -> Circumstances:
    """Return what holds for this process.

    Args:
        script: the script's path within the repository.
    """
    versions = {"spiritsafe": __version__, "Python": platform.python_version()}
    return Circumstances(
        command=_command(script, sys.argv[1:]),
        code=code_digest(),
        versions=versions | {name: version(name) for name in _TOLD},
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def _command(script: str, words: list[str]) -> str:
    """Return the command with absolute paths shortened to their last part."""
    short = [Path(word).name if word.startswith("/") else word for word in words]
    return shlex.join(["python", script, *short])


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
