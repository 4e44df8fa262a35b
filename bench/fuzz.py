"""Fuzzes every reader, the sketch decoder and what else parses a stranger's bytes, one target after the other.

    python bench/fuzz.py [--seconds N] [--only NAME ...] [--out DIR] [--list]

Crashes are kept under DIR with the input that caused them; exit status 1 if there are any. The corpus is kept
too, so that a second run goes on where the first one ended.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from fuzzing.targets import targets

BENCH = Path(__file__).parent
MEMORY_MIB = 3_072
TIMEOUT_S = 30
"""No input of a few kilobytes may take longer."""
LONGEST = 1 << 16
_DICTIONARY = (
    *("exchange_id", "started_at", "account_id", "model", "input_tokens", "output_tokens", "prompt", "sketch"),
    *("2026-01-01T00:00:00Z", "1767225600", "null", "true", "NaN", "1e400", "9223372036854775808", "-1", "{}", "[]"),
    *("gen_ai.request.model", "resourceSpans", "usage", "messages", "choices", "content", "data: ", "PAR1"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one target; an input that is merely slow is in its log."""

    name: str
    executions: int
    coverage: int
    corpus: int
    seconds: float
    peak_mib: int
    crashes: tuple[Path, ...]
    failed: bool

    def line(self) -> str:
        """One row of the log."""
        verdict = f"{len(self.crashes)} CRASHES" if self.crashes else "FAILED" if self.failed else "clean"
        return (
            f"{self.name:<16}{self.executions:>12,}{self.coverage:>8,}{self.corpus:>8,}"
            f"{self.seconds:>9.0f}{self.peak_mib:>8,}  {verdict}"
        )


def main() -> int:
    """Fuzz and print the log."""
    with tempfile.TemporaryDirectory() as scratch:
        names = list(targets(Path(scratch)))
    asked = _arguments(names)
    if asked.list:
        print("\n".join(names))
        return 0
    chosen = asked.only or names
    share = max(asked.seconds // len(chosen), 5)
    print(f"{'target':<16}{'executions':>12}{'edges':>8}{'corpus':>8}{'seconds':>9}{'MiB':>8}", flush=True)
    outcomes = []
    for name in chosen:
        outcomes.append(fuzz(name, share, asked.out))
        print(outcomes[-1].line(), flush=True)
    crashes = [crash for outcome in outcomes for crash in outcome.crashes]
    failed = [outcome.name for outcome in outcomes if outcome.failed]
    executions, seconds = sum(o.executions for o in outcomes), sum(o.seconds for o in outcomes)
    print(f"{executions:,} executions of {len(outcomes)} targets in {seconds:,.0f} s, {len(crashes)} crashes")
    for crash in crashes:
        print(f"crash: {crash}")
    for name in failed:
        print(f"log: {asked.out / name}.log")
    return 1 if failed else 0


def fuzz(name: str, seconds: int, out: Path) -> Outcome:
    """Fuzz one target in a process of its own."""
    corpus, crashes, log = out / "corpus" / name, out / "crashes" / name, out / f"{name}.log"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    words = out / "dictionary"
    words.write_text("".join(f'"{word}"\n' for word in _DICTIONARY), "ascii")
    before = set(crashes.iterdir())
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": TIMEOUT_S,
        "rss_limit_mb": MEMORY_MIB,
        "artifact_prefix": f"{crashes}/",
        "dict": words,
        "print_final_stats": 1,
        "report_slow_units": TIMEOUT_S,
    }
    command = [
        sys.executable,
        "-m",
        "fuzzing.child",
        name,
        str(corpus),
        f"{crashes}/",
        *(f"-{k}={v}" for k, v in options.items()),
    ]
    paths = [str(BENCH), str(BENCH.parent / "src"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str((out / "kernels").absolute()),
    }
    begun = perf_counter()
    with log.open("wb") as sink:
        # libFuzzer looks at its clock between inputs only; whatever hangs beyond that is killed and is a failure
        try:
            status = subprocess.run(
                command, env=environment, stdout=sink, stderr=subprocess.STDOUT, check=False, timeout=seconds + 600
            ).returncode
        except subprocess.TimeoutExpired:
            status = -1
    text = log.read_text("utf-8", "replace")
    return Outcome(
        name,
        _last(r"stat::number_of_executed_units:\s+(\d+)", text) or _last(r"^#(\d+)", text),
        _last(r"cov: (\d+)", text),
        _last(r"corp: (\d+)", text),
        perf_counter() - begun,
        _last(r"stat::peak_rss_mb:\s+(\d+)", text) or _last(r"rss: (\d+)Mb", text),
        tuple(sorted(kept for kept in set(crashes.iterdir()) - before if not kept.name.startswith("slow-"))),
        failed=status != 0,
    )


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    seconds = int(os.environ.get("FUZZ_SECONDS", "3600"))
    parser.add_argument("--seconds", type=int, default=seconds, help="for all targets together (FUZZ_SECONDS or 3600)")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help="these targets")
    parser.add_argument("--out", type=Path, default=Path(".bench/fuzz"), help="corpus, crashes and logs")
    parser.add_argument("--list", action="store_true", help="print the targets' names")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
