"""Measures what hostile files and texts cost a scan: exit code, peak memory, CPU time and the message.

    python bench/hostile.py [--only NAME ...] [--texts [--count 20000]] [--work DIR] [--most-gib 2]

Each file is written, scanned by a child process with the default limits, and removed. Exit status 1 if one of
them took more memory than allowed, or ended in anything but findings, nothing found, or a refusal. With ``--texts``
logs of short hostile texts are scanned instead, of so many and of twice as many: what the second half costs for each
text, beside an ordinary text's, says whether a flood costs its size.
"""

import argparse
import re
import sys
from pathlib import Path
from shutil import rmtree

from attacks.bombs import BOMBS, ORDINARY, Bomb, flood
from attacks.texts import FLOODS
from measure.child import Cost, cost_of
from measure.machine import circumstances
from measure.tables import markdown

_FINE = {0, 2, 4}
_LONGEST = 90


def main() -> int:
    """Measure, print a line per file; 1 if one of them broke its bound."""
    asked = _arguments()
    asked.work.mkdir(parents=True, exist_ok=True)
    chosen = [bomb for bomb in BOMBS if not asked.only or bomb.name in asked.only]
    for line in (f"Default limits; allowed: {asked.most_gib} GiB.", circumstances("bench/hostile.py").sentence(), ""):
        print(line)
    _scanned(ORDINARY, asked.work)  # compiles what is not compiled yet
    if asked.texts:
        return _floods(asked.work, asked.count)
    over = []
    head = ("file", "bytes", "exit", "peak memory, GiB", "CPU, s", "message")
    for line in list(markdown(head, [])):
        print(line, flush=True)
    for bomb in (ORDINARY, *chosen):
        size, cost, said = _scanned(bomb, asked.work)
        row = (bomb.about, f"{size:,}", str(cost.status), f"{cost.peak_gib:.2f}", f"{cost.cpu_s:.1f}", said)
        print(list(markdown(head, [row]))[-1], flush=True)
        if cost.status not in _FINE or cost.peak_gib > asked.most_gib:
            over.append(bomb.name)
    print(f"\nOut of bounds: {', '.join(over) or 'none'}.")
    return 1 if over else 0


def _floods(work: Path, count: int) -> int:
    """Print what a text of each flood costs; 1 if the second half of one cost over twice what the first did."""
    head = ("texts", "bytes of a text", "CPU for each, us", "of an ordinary one", "second half to first", "peak, GiB")
    for line in list(markdown(head, [])):
        print(line, flush=True)
    idle = _scanned(flood("ordinary text", 1), work)[1].cpu_s
    ordinary = 0.0
    steep = []
    for name in FLOODS:
        size, once, _ = _scanned(flood(name, count), work)
        _, twice, _ = _scanned(flood(name, 2 * count), work)
        each, more = (once.cpu_s - idle) / count, (twice.cpu_s - once.cpu_s) / count
        ordinary = ordinary or more
        row = (f"{size / count:,.0f}", f"{1e6 * more:,.0f}", f"{more / ordinary:.1f}", f"{more / each:.1f}")
        print(list(markdown(head, [(name, *row, f"{twice.peak_gib:.2f}")]))[-1], flush=True)
        if more > 2 * each or {once.status, twice.status} - _FINE:
            steep.append(name)
    print(f"\nOut of proportion: {', '.join(steep) or 'none'}.")
    return 1 if steep else 0


def _scanned(bomb: Bomb, work: Path) -> tuple[int, Cost, str]:
    """Return the file's size, what a scan of it took, and what it said last."""
    log, out, told = work / bomb.name, work / "out", work / "told"
    bomb.write(log)
    size = log.stat().st_size
    cost = cost_of([sys.executable, "-m", "spiritsafe", "scan", log, "--out", out], told)
    said = told.read_text("utf-8", "replace").replace(f"{work}/", "")
    rmtree(out, ignore_errors=True)
    log.unlink()
    errors = re.findall(r"^error: (.*)$", said, re.MULTILINE)
    return size, cost, (errors[-1] if errors else "read")[:_LONGEST].replace("|", "/")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [bomb.name for bomb in BOMBS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--texts", action="store_true", help="measure floods of texts instead of files")
    parser.add_argument("--count", type=int, default=20_000, help="texts of a flood (%(default)s)")
    parser.add_argument(
        "--work", type=Path, default=Path(".bench/hostile"), help="where files are written (%(default)s)"
    )
    parser.add_argument("--most-gib", type=float, default=2.0, help="peak memory allowed (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
