"""Tell a file's format by its content.

Never by its name: logs are renamed, rotated and exported under any extension, and a wrong guess would
show up later as a puzzling parse error.
"""

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers.content import GZIP, is_gzip, opened
from spiritsafe.ingest.readers.reader import Format
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError

__all__ = ["sniff"]

_PEEK = 1 << 16
_FOREIGN = {
    b"(\xb5/\xfd": "zstd; unpack it with 'zstd -d'",
    b"BZh": "bzip2; unpack it with 'bunzip2'",
    b"\xfd7zXZ\x00": "xz; unpack it with 'unxz'",
    b"PK\x03\x04": "a zip archive; unpack it",
    b"ARROW1": "an Arrow file; write it as Parquet",
    b"Obj\x01": "Avro; write it as Parquet",
    b"ORC": "ORC; write it as Parquet",
    b"SQLite format 3": "a SQLite database; export the table as CSV or Parquet",
    b"\xff\xfe": "UTF-16; convert it with 'iconv -f utf-16 -t utf-8'",
    b"\xfe\xff": "UTF-16; convert it with 'iconv -f utf-16 -t utf-8'",
    GZIP: "gzip within gzip; unpack it once",
}


def _unpacked(source: Source) -> Format:
    with source.path.open("rb") as file:
        if is_gzip(file):
            raise InputError("the file is gzip around Parquet", file=source.name, hint="Unpack it with 'gunzip'.")
    return Format.PARQUET


def sniff(source: Source, limits: Limits) -> Format:
    """Return the format of a file.

    Raises:
        InputError: the file is empty, or of no format of the contract.
    """
    with opened(source, limits) as content:
        start = content.read(_PEEK)
    if start.startswith(b"PAR1"):
        return _unpacked(source)
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise InputError(f"the file is {what}", file=source.name)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(
            "the file is empty" if len(start) < _PEEK else "the file begins with nothing but blanks",
            file=source.name,
            hint="Remove it, or export again; a header alone is fine in CSV.",
        )
    if text.startswith(b"{"):
        return Format.JSONL
    if text.startswith(b"["):
        raise InputError(
            "the file is one JSON array",
            file=source.name,
            hint="Write one object per line: jq -c '.[]' FILE.",
        )
    if b"\0" in text.split(b"\n", 1)[0]:
        raise InputError(
            "the file is neither Parquet, JSONL nor CSV",
            file=source.name,
            hint="Write it in one of these formats, or leave it out.",
        )
    return Format.CSV
