"""Measures MinHash signatures and whole sketches of prompts, beside datasketch and rensa on the same prompts.

    python bench/sketching.py [--data DIR] [--prompts 50000] [--mean 224] [--runs 3] [--json FILE]

Prompts come from Parquet files with a column ``prompt`` below DIR, or are written by the simulation; they are cut
so that their mean length is as stated. Every contender is a child process of one thread, compiled or warmed up
before its clock starts. Peers get what they ask for, sets of three-word shingles, made by Python's own splitting:
the clock counts it in one column and leaves it out in the other. Recall and precision are of telling which pairs
of prompts have an exact Jaccard similarity of at least the threshold, on edited copies and chance pairs.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from measure.child import cost_of
from measure.machine import circumstances
from measure.tables import markdown

_TARGET = 130_000
_BINS, _THRESHOLD = 128, 0.6
_LONG = 4_096
_KEY = b"a key of the bench"
_PEERS_TEXTS = 20_000
"""Prompts that a peer signs; a rate needs no more, and the slowest takes a minute for these."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
_WORD = re.compile(r"\w+")

Signatures = NDArray[np.generic]


def main() -> int:
    """Measure, print the tables; 1 if a contender failed or the target was missed."""
    asked = _arguments()
    if asked.contender:
        return _child(asked.contender, asked.folder)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prompts = _cut(_prompts(asked.data, asked.prompts), asked.mean)
        pairs = _pairs(prompts)
        for name, texts in (("prompts", prompts), ("pairs", pairs), ("long", _long(prompts))):
            pq.write_table(pa.table({"prompt": pa.array(texts, pa.large_string())}), folder / f"{name}.parquet")
        truth = np.array([_jaccard(one, other) for one, other in zip(pairs[::2], pairs[1::2], strict=True)])
        results = {name: [_run(name, folder, truth) for _ in range(asked.runs)] for name in _CONTENDERS}
    sys.stdout.write("\n".join([*_report(results, prompts, truth), ""]))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1), "utf-8")
    ours = median(run["rate"] for run in results["spiritsafe, signatures"])
    return 0 if ours >= _TARGET and not any(run["status"] for runs in results.values() for run in runs) else 1


def _prompts(data: Path | None, count: int) -> list[str]:
    """Read or write prompts, in a fixed random order."""
    found: list[str] = []
    if data:
        for file in sorted(data.rglob("*.parquet")):
            if "prompt" in pq.read_schema(file).names:
                found += [text for text in pq.read_table(file, columns=["prompt"])["prompt"].to_pylist() if text]
    else:
        from spiritsafe.simulation.worlds import WorldSpec, build  # noqa: PLC0415 - only without real prompts

        world = build(WorldSpec(accounts=400, days=3, exchanges_target=count, seed=3))
        found = [text for text in world.exchanges["prompt"].to_pylist() if text]
    order = np.random.default_rng(0).permutation(len(found))
    return [found[i] for i in order[:count].tolist()]


def _cut(prompts: list[str], mean: float) -> list[str]:
    """Cut long prompts, or repeat all where they are short, until the mean length is as asked."""
    lengths = np.array([len(text) for text in prompts])
    if lengths.mean() < mean:
        times = int(np.ceil(mean / lengths.mean()))
        prompts = [" ".join([text, *prompts[i + 1 : i + times]]) for i, text in enumerate(prompts)]
        lengths = np.array([len(text) for text in prompts])
    low, high = 1.0, float(lengths.max())
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if np.minimum(lengths, middle).mean() > mean else (middle, high)
    return [text[: int(high)] for text in prompts]


def _long(prompts: list[str]) -> list[str]:
    whole = "\n".join(prompts)
    return [whole[at : at + _LONG] for at in range(0, min(len(whole), 2_000 * _LONG), _LONG)]


def _pairs(prompts: list[str]) -> list[str]:
    """Prompts one after the other in pairs: a prompt and an edited copy, every tenth time a stranger."""
    rng = np.random.default_rng(1)
    out = []
    for number, text in enumerate(prompts[:4_000]):
        words = text.split(" ")
        edits = rng.integers(0, 1 + max(len(words) // 6, 1))
        for at in rng.integers(0, len(words), edits).tolist():
            words[at] = f"edited{number}x{at}"
        out += [text, prompts[-1 - number] if number % 10 == 0 else " ".join(words)]
    return out


def _shingles(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [" ".join(words[i : i + 3]) for i in range(max(len(words) - 2, 1))]


def _jaccard(one: str, other: str) -> float:
    first, second = set(_shingles(one)), set(_shingles(other))
    return len(first & second) / len(first | second)


def _run(name: str, folder: Path, truth: NDArray[np.float64]) -> dict[str, float]:
    told = folder / "told.json"
    told.unlink(missing_ok=True)
    words = [sys.executable, __file__, "--contender", name, "--folder", folder]
    cost = cost_of(words, folder / "output", _ONE_THREAD)
    if cost.status:
        sys.stderr.write((folder / "output").read_text("utf-8")[-2_000:])
        return {"status": cost.status, "rate": 0.0}
    run = json.loads(told.read_text("utf-8")) | {"status": 0, "peak_gib": cost.peak_gib}
    said = np.array(run.pop("alike"))
    alike, claimed = truth >= _THRESHOLD, said >= _THRESHOLD
    found = int((alike & claimed).sum())
    return run | {
        "recall": found / int(alike.sum()),
        "precision": found / max(int(claimed.sum()), 1),
        "error": float(np.abs(said - truth).mean()),
    }


def _child(name: str, folder: Path) -> int:
    tables = {part: pq.read_table(folder / f"{part}.parquet")["prompt"] for part in ("prompts", "pairs", "long")}
    run = _CONTENDERS[name](tables)
    (folder / "told.json").write_text(json.dumps(run), "utf-8")
    return 0


def _agreeing(made: Signatures) -> list[float]:
    return [float(value) for value in (made[::2] == made[1::2]).mean(axis=1)]


def _spent(work: Callable[[], object]) -> float:
    """CPU seconds of one call, system time included."""
    begun = process_time()
    work()
    return process_time() - begun


def _ours(tables: dict[str, pa.ChunkedArray]) -> dict[str, object]:
    from spiritsafe.sketch.signatures import signatures  # noqa: PLC0415 - each child loads its own contender
    from spiritsafe.sketch.text import gather  # noqa: PLC0415

    def sign(texts: pa.ChunkedArray) -> Signatures:
        return signatures(gather(texts), _KEY)[0]

    made = sign(tables["pairs"])  # compiles, too
    return _measured(tables, sign, made)


def _whole(tables: dict[str, pa.ChunkedArray]) -> dict[str, object]:
    from spiritsafe.sketch.sketches import sketch_texts  # noqa: PLC0415

    def sketch(texts: pa.ChunkedArray) -> Signatures:
        zero, none = np.zeros(len(texts), np.int64), pa.nulls(len(texts), pa.large_string())
        return sketch_texts(
            texts, none, none, tool_count=zero, image_count=zero, message_count=zero, key=_KEY
        ).signature

    return _measured(tables, sketch, sketch(tables["pairs"]))


def _measured(
    tables: dict[str, pa.ChunkedArray], work: Callable[[pa.ChunkedArray], Signatures], made: Signatures
) -> dict[str, object]:
    seconds = min(_spent(lambda: work(tables["prompts"])) for _ in range(3))
    long = min(_spent(lambda: work(tables["long"])) for _ in range(3))
    return _told(len(tables["prompts"]) / seconds, None, tables["long"].nbytes / long / 1e6, made)


def _told(rate: float, ready: float | None, megabytes: float, made: Signatures) -> dict[str, object]:
    return {"rate": rate, "ready": ready, "megabytes": megabytes, "alike": _agreeing(made)}


def _peer(
    sign: Callable[[Sequence[list[str]]], Signatures],
) -> Callable[[dict[str, pa.ChunkedArray]], dict[str, object]]:
    def run(tables: dict[str, pa.ChunkedArray]) -> dict[str, object]:
        texts = tables["prompts"].to_pylist()[:_PEERS_TEXTS]
        long = tables["long"].to_pylist()[:500]
        made = sign([_shingles(text) for text in tables["pairs"].to_pylist()])
        ready = [_shingles(text) for text in texts]
        seconds = _spent(lambda: sign([_shingles(text) for text in texts]))
        bytes_read = sum(len(text.encode()) for text in long)
        megabytes = bytes_read / 1e6 / _spent(lambda: sign([_shingles(text) for text in long]))
        return _told(len(texts) / seconds, len(texts) / _spent(lambda: sign(ready)), megabytes, made)

    return run


def _datasketch(sets: Sequence[list[str]]) -> Signatures:
    from datasketch import MinHash  # noqa: PLC0415

    made = MinHash.bulk([[shingle.encode() for shingle in part] for part in sets], num_perm=_BINS)
    return np.stack([each.digest() for each in made])


def _rensa(sets: Sequence[list[str]]) -> Signatures:
    from rensa import RMinHash  # noqa: PLC0415

    return np.array(RMinHash.digest_matrix_from_token_sets(sets, _BINS, 42).to_rows(), np.uint32)


def _rensa_c(sets: Sequence[list[str]]) -> Signatures:
    from rensa import CMinHash  # noqa: PLC0415

    return np.array(CMinHash.digests_from_token_sets(sets, _BINS, 42), np.uint32)


_CONTENDERS: dict[str, Callable[[dict[str, pa.ChunkedArray]], dict[str, object]]] = {
    "spiritsafe, signatures": _ours,
    "spiritsafe, whole sketches": _whole,
    "datasketch MinHash": _peer(_datasketch),
    "rensa RMinHash": _peer(_rensa),
    "rensa CMinHash": _peer(_rensa_c),
}


def _report(results: dict[str, list[dict[str, float]]], prompts: list[str], truth: NDArray[np.float64]) -> list[str]:
    middle = {name: sorted(runs, key=lambda run: run["rate"])[len(runs) // 2] for name, runs in results.items()}
    ours = middle["spiritsafe, signatures"]["rate"]
    rows = [
        (
            name,
            f"{run['rate']:,.0f}",
            f"{run['rate'] / ours:.3f}",
            f"{run['ready']:,.0f}" if run.get("ready") else "",
            f"{run['megabytes']:.1f}",
            f"{run['recall']:.3f}",
            f"{run['precision']:.3f}",
            f"{run['error']:.3f}",
            f"{run['peak_gib']:.2f}",
        )
        for name, run in middle.items()
        if not run["status"]
    ]
    mean = np.mean([len(text) for text in prompts])
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    about = (
        f"{len(prompts):,} prompts of {mean:.0f} characters on average; target: >= {_TARGET:,} signatures a "
        f"core-second. {len(truth):,} pairs, {int((truth >= _THRESHOLD).sum()):,} of them at a Jaccard similarity of "
        f"{_THRESHOLD} or more. One core each, median of {len(results['spiritsafe, signatures'])} runs; load average "
        f"{load}."
    )
    return [
        about,
        circumstances("bench/sketching.py").sentence(),
        "",
        *markdown(
            (
                "from text to 128 values",
                "texts a core-second",
                "of ours",
                "shingles ready",
                "MB/s at 4 kB",
                "recall",
                "precision",
                "mean error",
                "peak GiB",
            ),
            rows,
        ),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="Parquet files with real prompts below this folder")
    parser.add_argument("--prompts", type=int, default=50_000, help="at most so many (%(default)s)")
    parser.add_argument("--mean", type=float, default=224.0, help="characters of a prompt on average (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures here")
    parser.add_argument("--contender", choices=list(_CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
