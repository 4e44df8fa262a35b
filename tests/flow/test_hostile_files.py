"""Files that are broken as a whole: refused with their name, whatever the format, wherever they are cut."""

import gzip
import io
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import OnError
from tests.flow.hostile import HEADER, ROW, Shell, exchange, lines


def _parquet(**columns: pa.Array) -> bytes:
    table = pa.Table.from_pylist([exchange(1), exchange(2)])
    for name, column in columns.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, column)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


JSONL = lines(exchange(1), exchange(2))
PACKED = gzip.compress(JSONL, mtime=0)
PARQUET = _parquet()
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \r\n\t\n", "the file is empty"),
    "byte-order mark alone": (b"\xef\xbb\xbf", "the file is empty"),
    "blanks first": (b"\n" * 100_000 + JSONL, "nothing but blanks"),
    "NUL": (b"\0" * 100, "neither Parquet, JSON nor CSV"),
    "UTF-16": (JSONL.decode().encode("utf-16"), "UTF-16"),
    "UTF-16, big": (b"\xfe\xff" + JSONL.decode().encode("utf-16-be"), "UTF-16"),
    "array of numbers": (b"[1, 2]", ""),
    "numbers": (b"1\n2\n", "required columns are missing"),
    "no column": (lines(exchange(1, model=...)), "required column is missing: model"),
    "web page": (b"<html><body>log in</body></html>\n", "required columns are missing"),
    "carriage returns": (JSONL.replace(b"\n", b"\r"), "row 1"),
    "names as data": (lines({f"k{n}": 1 for n in range(20_000)}), "row 1, column 'exchange_id'"),
    "a million columns": (b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n", "1000000 columns"),
    "a name twice": (HEADER[:-1] + b",model\n", "two columns have this name"),
    "quote never closed": (HEADER + b'"' + ROW * 3, "quoting is broken"),
    "quote in the middle": (HEADER + b'"e-1"x' + ROW[3:], "quoting is broken"),
    "gzip of nothing": (gzip.compress(b"", mtime=0), "the file is empty"),
    "gzip twice": (gzip.compress(PACKED, mtime=0), "gzip within gzip"),
    "gzip, then anything": (PACKED + b"anything", "gzip data is damaged"),
    "gzip, wrong checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "gzip data is damaged"),
    "gzip of Parquet": (gzip.compress(PARQUET, mtime=0), "gzip around Parquet"),
    "Parquet, then anything": (PARQUET + b"x", "Parquet data is damaged"),
    "Parquet, wrong kind": (_parquet(model=pa.array([{"a": 1}] * 2)), "holds struct"),
    "Parquet, lists": (_parquet(model=pa.array([["m"]] * 2)), "holds list"),
    "Parquet, nulls": (_parquet(model=pa.nulls(2)), "row 1, column 'model'"),
    "Parquet, unsigned": (_parquet(input_tokens=pa.array([1, 2**64 - 1], pa.uint64())), "row 2, column 'input_tokens'"),
    "Parquet, not whole": (_parquet(input_tokens=pa.array([1.0, float("nan")])), "row 2, column 'input_tokens'"),
    "Parquet, time of day": (_parquet(started_at=pa.array([1, 2], pa.time32("s"))), "holds time32"),
    "Parquet, edge of time": (_parquet(started_at=pa.array([2**62, -(2**63)], pa.timestamp("us"))), "row 1"),
    "Parquet, no text": (_parquet(account_id=pa.array([b"a", b"a\xff"]).view(pa.string())), "row 2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_by_name(shell: Shell, name: str) -> None:
    data, says = BROKEN[name]
    log = shell.folder / "log"
    log.write_bytes(data)
    shell.refuse(log, says=says, place=str(log))


@pytest.mark.parametrize(("data", "name"), [(PACKED, "gzip"), (PARQUET, "Parquet")], ids=["gzip", "parquet"])
def test_a_file_cut_anywhere_is_refused(shell: Shell, data: bytes, name: str) -> None:
    log = shell.folder / "log"
    for length in {*range(0, 12, 2), *range(0, len(data), len(data) // 12), *range(len(data) - 9, len(data))}:
        log.write_bytes(data[:length])
        shell.refuse(log, says="", place=str(log))


def test_a_good_file_beside_a_broken_one_is_taken_whole(shell: Shell) -> None:
    (shell.folder / "a.jsonl").write_bytes(JSONL)
    (shell.folder / "b.parquet").write_bytes(PARQUET[:-20])
    logs = [shell.folder / "a.jsonl", shell.folder / "b.parquet"]
    shell.refused(shell.scan(*logs), "damaged", str(logs[1]))
    (shell.folder / "b.parquet").unlink()
    assert shell.scan(logs[0]).code == 0


EXAMPLES = [
    pytest.param(form, example, id=f"{form}-{number}")
    for form, reader in READERS.items()
    for number, example in enumerate(reader.examples())
]
TIGHT = Limits(
    rows=3, batch_bytes=2_000, record_bytes=20_000, page_bytes=1 << 20, inflation=20, inflation_floor=100_000
)


def _mutations(data: bytes, seed: int) -> Iterator[bytes]:
    """Every kind of damage at random places: cut, flipped, spliced, doubled, filled."""
    rng = random.Random(seed)
    for length in {*range(0, len(data), max(1, len(data) // 40)), len(data) - 1}:
        yield data[:length]
    for _ in range(60):
        at, size = rng.randrange(len(data)), rng.randrange(1, 40)
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8)
        yield bytes(flipped)
        yield data[:at] + data[at + size :]
        yield data[:at] + data[at : at + size] * 2 + data[at + size :]
        yield data[:at] + rng.randbytes(size) + data[at + size :]
        yield data[:at] + data[rng.randrange(len(data)) :]
    yield data * 2
    yield data + b"\0" * 100
    yield data.replace(b":", b":" * 2)
    yield data.replace(b"\n", b"\r\n")
    yield data.upper()
    yield b"\xef\xbb\xbf" + data


@pytest.mark.parametrize("sniffed", [False, True], ids=["named", "sniffed"])
@pytest.mark.parametrize(("form", "example"), EXAMPLES)
def test_whatever_happened_to_a_file_its_records_are_accounted_for(
    tmp_path: Path, form: Format, example: bytes, sniffed: bool
) -> None:
    log = tmp_path / "log"
    for number, data in enumerate(_mutations(example, seed=3)):
        log.write_bytes(data)
        kept = tmp_path / f"quarantine-{number}.jsonl"
        with Quarantine(kept) as quarantine:
            reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine, None if sniffed else form, TIGHT)
            rows = 0
            with suppress(InputError):
                for batch in reading.batches(source(log)):
                    batch.table.validate(full=True)
                    rows += batch.table.num_rows
        assert rows == reading.stats.rows
        aside = len(kept.read_bytes().splitlines()) if kept.exists() else 0
        assert aside == reading.stats.quarantined


def test_no_changed_byte_of_parquet_ends_the_process(tmp_path: Path) -> None:
    """Arrow aborts on some footers that contradict themselves: found by fuzzing, so every byte is tried here."""
    log = tmp_path / "log"
    for at in range(len(PARQUET)):
        log.write_bytes(PARQUET[:at] + bytes([PARQUET[at] ^ (1 << at % 8)]) + PARQUET[at + 1 :])
        with suppress(InputError):
            list(Reading(EXCHANGES, OnError.SKIP, limits=TIGHT).batches(source(log)))


@pytest.mark.parametrize(("form", "example"), EXAMPLES)
def test_an_example_cut_in_gzip_is_never_read_as_whole(tmp_path: Path, form: Format, example: bytes) -> None:
    if form is Format.PARQUET:
        example = JSONL  # Parquet is never in gzip
    packed = gzip.compress(example, mtime=0)
    log = tmp_path / "log"
    for length in range(2, len(packed), max(1, len(packed) // 15)):
        log.write_bytes(packed[:length])
        with pytest.raises(InputError):
            list(Reading(EXCHANGES, OnError.SKIP).batches(source(log)))
