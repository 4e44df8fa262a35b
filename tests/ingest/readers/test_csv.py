"""CSV: quoting, separators and types, and rows to blame."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Limits
from spiritsafe.model.errors import InputError

Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]
HEADER = "exchange_id,started_at,account_id,model,input_tokens,output_tokens"
ROW = "e-1,2026-01-01T00:00:00Z,a-1,m,1,5"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write lines; the first one names the columns."""

    def write(*lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
        path = tmp_path / "log.csv"
        path.write_bytes("".join(line + end for line in lines).encode(encoding, "surrogateescape"))
        return path

    return write


@pytest.mark.parametrize("mark", ",;\t|")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators_line_ends_and_byte_order_marks(
    write: Callable[..., Path], read: Read, mark: str, end: str, encoding: str
) -> None:
    path = write(HEADER.replace(",", mark), ROW.replace(",", mark), end=end, encoding=encoding)
    good, bad = read(path)
    assert good[0]["exchange_id"] == "e-1"
    assert good[0]["input_tokens"] == 1
    assert bad == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(bool), min_size=1, max_size=8))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, read: Read, texts: list[str]) -> None:
    sink = io.StringIO(newline="")
    out = csv.writer(sink, quoting=csv.QUOTE_ALL)
    out.writerow([*HEADER.split(","), "prompt"])
    out.writerows([*ROW.split(","), text] for text in texts)
    path = tmp_path_factory.mktemp("csv") / "log"
    path.write_bytes(sink.getvalue().encode())
    good, bad = read(path, Limits(rows=3))
    assert [row["prompt"] for row in good] == texts
    assert bad == []


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("e-1,2026-01-01,a-1,m,1", ""),
        ("e-1,2026-01-01,a-1,m,1,2,3", ""),
        ("e-1,2026-01-01,a-1,m,-1,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,1.5,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,0x10,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,1_0,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,99999999999999999999,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,nan,5", "input_tokens"),
        ("e-1,2026-01-01,a-1,m,,5", "input_tokens"),
        ("e-1,2026-01-01,,m,1,5", "account_id"),
        ("e-1,1767225600000,a-1,m,1,5", "started_at"),
        ("e-1,2026-01-01,a-\udcff,m,1,5", "account_id"),
    ],
)
def test_one_bad_row_is_found_and_the_others_stand(
    write: Callable[..., Path], read: Read, row: str, column: str
) -> None:
    good, bad = read(write(HEADER, ROW, "", row, ROW))
    assert bad == [(2, column)]
    assert len(good) == 2


def test_text_spells_every_type(write: Callable[..., Path], read: Read) -> None:
    path = write(
        f"{HEADER},temperature,stream,batch,logprobs,sketch,n,prompt",
        f"{ROW},7e-1,True,0,,AAE=, 3.0 ,\udcff",
    )
    (row,), bad = read(path)
    assert bad == []
    assert (row["temperature"], row["stream"], row["batch"], row["logprobs"]) == (0.7, True, False, None)
    assert (row["sketch"], row["n"], row["prompt"]) == (b"\0\1", 3, "\ufffd")


def test_a_header_alone_is_an_empty_table(write: Callable[..., Path], read: Read) -> None:
    assert read(write(HEADER)) == ([], [])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER, ROW, 'e-2,"open'), "row 2: the quoting is broken"),
        ((HEADER, ROW, 'e-2,"a"b'), "row 2: the quoting is broken"),
        ((HEADER + ",model", ROW), "column 'model': two columns"),
        (("exchange_id,model", "a,b"), "missing: started_at, account_id"),
        ((HEADER, "x" * 20_000), "longer than the limit|field larger"),
    ],
)
def test_a_broken_file_is_refused(write: Callable[..., Path], read: Read, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(*lines), Limits(record_bytes=5000, batch_bytes=600))
