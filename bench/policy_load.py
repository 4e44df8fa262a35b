"""Measures how long a policy of a million ids takes to load, in what memory, and what a look at it takes.

    python bench/policy_load.py [--ids 1000000] [--looks 200000] [--singly] [--runs 3]

The load runs in a process of its own that imports nothing besides, so that its peak is that of a gateway's worker;
the interpreter counts in. A tenth of the ids are members of campaigns, one in a hundred is a network; the rest are
accounts on a hundred different terms. Each look is timed over many accounts drawn at random, in the middle of the
rows' life: most of it is waiting for memory, as the dictionary beside it shows.
``--singly`` writes a line per id, which nobody has to but anybody may.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time

from measure.child import cost_of
from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import IDS_PER_LINE, Line, Members, Rows
from spiritsafe.policy.load import load_table
from spiritsafe.policy.table import PolicyTable

TARGET_S, TARGET_MIB = 2.0, 300.0
_NOW_US = 1_800_000_000_000_000
_CAMPAIGNS, _TERMS = 200, 100


def main() -> int:
    """Measure and print; 1 if a target was missed."""
    asked = _arguments()
    if asked.child:
        print(json.dumps(_measured(asked.child, asked.ids, asked.looks)))
        return 0
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    with TemporaryDirectory() as scratch:
        file, told = Path(scratch) / "policy.jsonl", Path(scratch) / "told"
        width = 1 if asked.singly else IDS_PER_LINE
        file.write_bytes(encode(_lines(asked.ids, width), version=2, created_at="2026-12-01T00:00:00Z"))
        size = file.stat().st_size / 2**20
        words = [sys.executable, __file__, "--ids", str(asked.ids), "--looks", str(asked.looks), "--child", file]
        results = []
        for _ in range(asked.runs):
            if cost_of(words, told).status:
                sys.exit(told.read_text("utf-8"))
            results.append(json.loads(told.read_bytes()))
    best = min(results, key=lambda result: result["seconds"])
    seconds = ", ".join(f"{result['seconds']:.2f}" for result in results)
    print(f"{asked.ids:,} ids, {size:,.0f} MiB: loaded in {seconds} s CPU; peak {best['mib']:.0f} MiB")
    for name, ns in best["looks"].items():
        print(f"{name}: {ns:,.0f} ns")
    from measure.machine import circumstances  # noqa: PLC0415 - the child would load NumPy

    print(circumstances("bench/policy_load.py").sentence())
    return 0 if best["seconds"] <= TARGET_S and best["mib"] <= TARGET_MIB else 1


def _lines(ids: int, width: int) -> Iterator[Line]:
    members, networks = ids // 10, ids // 100
    for at in range(_CAMPAIGNS):
        yield _rows(Subject.CAMPAIGN, [f"campaign-{at}"], at)
    share = members // _CAMPAIGNS
    for at in range(_CAMPAIGNS):
        for some in _split([_account(number) for number in range(at * share, (at + 1) * share)], width):
            yield Members(campaign=f"campaign-{at}", accounts=tuple(some))
    named = {
        Subject.PREFIX: [f"10.{n >> 8 & 255}.{n & 255}.{n >> 16 << 4}/28" for n in range(networks)],
        Subject.ACCOUNT: [_account(number) for number in range(members, ids - networks)],
    }
    for subject, names in named.items():
        for at, some in enumerate(_split(names, width)):
            yield _rows(subject, some, at)


def _rows(subject: Subject, ids: list[str], at: int) -> Rows:
    return Rows(
        subject=subject,
        ids=tuple(ids),
        step=Step.RATE_LIMIT,
        requests=f"{60 + at % _TERMS}/m",
        tokens="20k/m",
        reason=f"Campaign campaign-{at % _TERMS} is suspected at 14.2 bits.",
        case=f"case-{at % _TERMS}",
        version=1 + at % 2,
        expires_at="2027-12-01T00:00:00Z",
        delay_s=3_600,
    )


def _account(number: int) -> str:
    return f"acct-{number * 2_654_435_761 % 2**32:08x}{number:06x}"


def _split(names: list[str], width: int) -> Iterator[list[str]]:
    return (names[at : at + width] for at in range(0, len(names), width))


def _measured(file: Path, ids: int, looks: int) -> dict[str, object]:
    begun = process_time()
    table = load_table(file, secret=b"secret of the bench")
    seconds = process_time() - begun
    return {"seconds": seconds, "mib": _peak_mib(), "looks": _looks(table, ids, looks)}


def _peak_mib() -> float:
    """The kernel's own figure: getrusage counts along what the parent held when it started this process."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10


def _looks(table: PolicyTable, ids: int, looks: int) -> dict[str, float]:
    """Return nanoseconds per look, the loop's own left out."""
    draw = Random(1)
    members, networks = ids // 10, ids // 100
    strangers = [f"nobody-{draw.random()}" for _ in range(looks)]
    known = [_account(draw.randrange(members, ids - networks)) for _ in range(looks)]
    joined = [_account(draw.randrange(members)) for _ in range(looks)]
    return {
        "for comparison, a miss in a dictionary of as many ids": _ns(dict.fromkeys(table._accounts).get, strangers),
        "rows_for, nothing found": _ns(table.rows_for, strangers),
        "rows_for, nothing found, key, organisation and address given": _ns(
            lambda one: table.rows_for(one, "key", "organisation", "198.51.100.7"), strangers
        ),
        "rows_for, a row of the account": _ns(table.rows_for, known),
        "rows_for, a row of its campaign": _ns(table.rows_for, joined),
        "standing, nothing found": _ns(lambda one: table.standing(one, now_us=_NOW_US), strangers),
        "standing, a row of the account": _ns(lambda one: table.standing(one, now_us=_NOW_US), known),
        "standing, a row of its campaign": _ns(lambda one: table.standing(one, now_us=_NOW_US), joined),
    }


def _ns(look: Callable[[str], object], names: list[str]) -> float:
    begun = process_time()
    for name in names:
        look(name)
    took = process_time() - begun
    begun = process_time()
    for name in names:
        len(name)
    return (took - process_time() + begun) / len(names) * 1e9


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument("--looks", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--singly", action="store_true", help="a line per id")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
