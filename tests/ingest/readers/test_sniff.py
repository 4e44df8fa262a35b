"""Formats are told by content, and what is none of them says what it is."""

import gzip
from pathlib import Path

import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.errors import InputError


@pytest.mark.parametrize("form", list(Format))
def test_every_example_is_told_under_any_name(tmp_path: Path, form: Format) -> None:
    for example in READERS[form].examples():
        (tmp_path / "log.txt").write_bytes(example)
        assert sniff(source(tmp_path / "log.txt"), Limits()) is form
        if form is not Format.PARQUET:
            (tmp_path / "log.txt").write_bytes(gzip.compress(example, mtime=0))
            assert sniff(source(tmp_path / "log.txt"), Limits()) is form


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"(\xb5/\xfdrest", "zstd -d"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip within gzip"),
        ("exchange_id".encode("utf-16"), "UTF-16"),
        (b"\x7fELF\x00\x00", "neither Parquet, JSON nor CSV"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-9], "damaged or cut off"),
        (gzip.compress(b"PAR1", mtime=0), "gzip around Parquet"),
    ],
)
def test_what_is_no_log_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        sniff(source(path), Limits())
    assert str(path) in str(caught.value)
