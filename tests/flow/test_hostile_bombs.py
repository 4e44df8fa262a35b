"""Small files that claim to be large: refused by what they claim, before room is made for it."""

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attacks.bombs import table
from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from tests.flow.hostile import HEADER, exchange, lines

PEAK_GIB = 2.0
"""What docs/hostile-input.md promises of reading, the libraries' half a gigabyte included."""


def _repeated(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def _written(rows: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd", **options)
    return sink.getvalue()


def _read(path: Path, data: bytes, limits: Limits) -> Iterator[int]:
    """Yield the size of each batch."""
    path.write_bytes(data)
    for batch in Reading(EXCHANGES, limits=limits).batches(source(path)):
        yield batch.table.nbytes


@pytest.mark.parametrize(
    "start", [b"", HEADER, lines(exchange(1)), HEADER + b'"'], ids=["blank", "csv", "jsonl", "quote"]
)
@pytest.mark.parametrize("filling", [b" ", b"a", b"\n", b'{"a":', b'"",'], ids=["blank", "a", "line", "brace", "quote"])
def test_a_gzip_bomb_is_defused(tmp_path: Path, start: bytes, filling: bytes) -> None:
    limits = Limits(record_bytes=1 << 20, batch_bytes=1 << 20, inflation=20, inflation_floor=4 << 20)
    data = gzip.compress(start + filling * (40_000_000 // len(filling)), mtime=0)
    with pytest.raises(InputError, match=str(tmp_path)):
        list(_read(tmp_path / "log", data, limits))


def test_a_value_that_a_dictionary_holds_once_is_decoded_a_few_rows_at_a_time(tmp_path: Path) -> None:
    data = _written(table(2_000, prompt=_repeated("word " * 200_000, 2_000)), dictionary_pagesize_limit=1 << 30)
    limits = Limits(batch_bytes=4 << 20, decoded_floor=1 << 40)
    largest = 0
    for taken, size in enumerate(_read(tmp_path / "log", data, limits)):
        largest = max(largest, size)
        if taken == 20:
            break
    assert len(data) < 20_000
    assert 1_000_000 <= largest <= 3 * limits.batch_bytes


def test_values_that_add_up_to_a_bomb_are_refused(tmp_path: Path) -> None:
    data = _written(table(2_000, prompt=_repeated("word " * 200_000, 2_000)), dictionary_pagesize_limit=1 << 30)
    with pytest.raises(InputError, match="as a decompression bomb does"):
        list(_read(tmp_path / "log", data, Limits(batch_bytes=4 << 20, decoded_floor=32 << 20)))


def test_prefixes_that_add_up_to_a_bomb_are_decoded_a_few_rows_at_a_time(tmp_path: Path) -> None:
    prompts = pa.array(["word " * 20_000 + str(n) for n in range(500)], pa.large_string())
    encoding = {"prompt": "DELTA_BYTE_ARRAY"}
    data = _written(table(500, prompt=prompts), use_dictionary=False, column_encoding=encoding)
    sizes = list(_read(tmp_path / "log", data, Limits(batch_bytes=1 << 20)))
    assert len(data) < 40_000
    assert sum(sizes) > 500 * 100_000
    assert max(sizes) <= 3 << 20


def test_a_page_that_inflates_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    data = _written(table(40, prompt=[" " * 1_000_000] * 40), use_dictionary=False, data_page_size=1 << 30)
    with pytest.raises(InputError, match=r"a page claims 4\d+ bytes, and at most 1048576"):
        list(_read(tmp_path / "log", data, Limits(page_bytes=1 << 20)))


def test_pages_that_are_long_together_are_refused(tmp_path: Path) -> None:
    texts = {name: [name * 40_000] * 2 for name in ("prompt", "system_prompt", "response", "user_agent")}
    data = _written(table(2, **texts), use_dictionary=False)
    with pytest.raises(InputError, match=r"pages of a row group claim \d+ bytes, and at most 1500000 are read"):
        list(_read(tmp_path / "log", data, Limits(page_bytes=1 << 20, pages_bytes=1_500_000)))
    assert sum(_read(tmp_path / "log", data, Limits(page_bytes=1 << 20, pages_bytes=3_500_000))) > 2_000_000


def test_dictionaries_count_among_the_pages(tmp_path: Path) -> None:
    values = {name: pa.array([name * 100_000, "a"]).dictionary_encode() for name in ("prompt", "system_prompt")}
    data = _written(table(2, **values), dictionary_pagesize_limit=1 << 30)
    with pytest.raises(InputError, match="pages of a row group claim"):
        list(_read(tmp_path / "log", data, Limits(pages_bytes=1_500_000)))


def test_rows_that_are_claimed_and_not_there_are_refused(tmp_path: Path) -> None:
    same = _repeated("e", 300_000)
    data = _written(table(300_000, exchange_id=same, account_id=same, model=same))
    with pytest.raises(InputError, match=r"claims 300000 rows in \d+ bytes"):
        list(_read(tmp_path / "log", data, Limits(row_inflation=1, row_floor=1_000)))


def test_honest_compression_is_no_bomb(tmp_path: Path) -> None:
    data = _written(table(50_000, prompt=_repeated("The same long system prompt. " * 100, 50_000)))
    assert sum(_read(tmp_path / "log", data, Limits())) > 50_000 * 2_900


_MEASURED = """
import sys
from pathlib import Path
from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
for name in sys.argv[1:]:
    try:
        for batch in Reading(EXCHANGES, limits=Limits(decoded_floor=256 << 20)).batches(source(Path(name))):
            pass
    except InputError as error:
        print(error.reason, file=sys.stderr)
# not getrusage: its peak begins with that of the process which started this one
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_is_bounded_by_the_limits_and_not_by_the_input(tmp_path: Path) -> None:
    """JSONL lines just under the longest, a CSV field of that size, and three bombs with the default limits."""
    line = lines(exchange(1, prompt="x" * 60_000_000))
    (tmp_path / "a.jsonl").write_bytes(line * 3)
    (tmp_path / "b.csv").write_bytes(HEADER[:-1] + b",prompt\n" + b"e,2026-01-01,a,m,1,2," + b"x" * 60_000_000 + b"\n")
    (tmp_path / "c.gz").write_bytes(gzip.compress(HEADER + b"a," * 60_000_000, 1))
    with gzip.open(tmp_path / "d.gz", "wb", 1) as file:
        for _ in range(20):
            file.write(b"[" * 10_000_000)
    repeated = table(3_000, prompt=_repeated("word " * 1_000_000, 3_000))
    (tmp_path / "e.parquet").write_bytes(_written(repeated, dictionary_pagesize_limit=1 << 30))
    names = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *names], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) / 2**20 <= PEAK_GIB, done.stdout
