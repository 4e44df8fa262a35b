"""Tell a file's format by its content.

Never by its name: logs are renamed, rotated and exported under any extension, and a wrong guess would
show up later as a puzzling parse error.
"""

from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import READERS
from spiritsafe.ingest.readers.columnar import columns_of
from spiritsafe.ingest.readers.content import GZIP, is_gzip, opened
from spiritsafe.ingest.readers.csv import fields
from spiritsafe.ingest.readers.lines import filled, stretches, wraps
from spiritsafe.ingest.readers.otlpproto import looks_like_otlp
from spiritsafe.ingest.readers.reader import Format
from spiritsafe.ingest.readers.records import Mapping, RecordReader
from spiritsafe.ingest.sources import Meter, Source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import Record, decoded
from spiritsafe.wire.unfit import Unfit

__all__ = ["sniff"]

_PEEK = 1 << 16
_RECORDS = 16
"""Records looked at: the first may be broken, or no exchange."""
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
    with suppress(InputError):  # damage is for the reader to tell
        return _told(columns_of(source)) or Format.PARQUET
    return Format.PARQUET


def _told(names: frozenset[str]) -> Format | None:
    """Return the foreign format that a table's columns are of."""
    return next((form for form, mapping in _tables() if _is_of(mapping, names)), None)


def _tables() -> list[tuple[Format, Mapping]]:
    """Return the foreign formats that come as tables too."""
    readers = [(form, reader) for form, reader in READERS.items() if isinstance(reader, RecordReader)]
    return [(form, reader.mapping) for form, reader in readers if reader.mapping.header]


def _is_of(mapping: Mapping, names: AbstractSet[str]) -> bool:
    """Tell by the columns, which are names of records as well; the contract's own come first."""
    if names >= set(EXCHANGES.required):
        return False
    return names >= mapping.header or mapping.recognises(dict.fromkeys(names))


def _json(source: Source, limits: Limits, head: bytes) -> Format:
    """Tell by the first records that can be read; the contract's own come first, so that nothing else takes them.

    A framing that the file's first bytes show comes before the others, which may have to read a long document whole.
    """
    readers = {form: reader for form, reader in READERS.items() if isinstance(reader, RecordReader)}
    framings: dict[frozenset[str], None] = dict.fromkeys([frozenset(), *(r.mapping.within for r in readers.values())])
    for within in sorted(framings, key=lambda names: not wraps(head, names)):
        for record in _first_records(source, limits, within):
            if record.keys() >= set(EXCHANGES.required):
                return Format.JSONL
            for form, reader in readers.items():
                if reader.mapping.within == within and reader.mapping.recognises(record):
                    return form
    return Format.JSONL


def _first_records(source: Source, limits: Limits, within: frozenset[str]) -> list[Record]:
    bounds = replace(limits, rows=_RECORDS, batch_bytes=min(limits.batch_bytes, _PEEK))
    try:
        lines = filled(next(stretches(replace(source, meter=Meter()), bounds, within), b""))
    except InputError:  # too long, or cut off, in this framing; the reader will say so if it is in every one
        return []
    records = []
    for line in lines:
        with suppress(Unfit):
            records.append(decoded(line))
    return records


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
    if looks_like_otlp(start):
        return Format.OTLP_PROTOBUF
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(
            "the file is empty" if len(start) < _PEEK else "the file begins with nothing but blanks",
            file=source.name,
            hint="Remove it, or export again; a header alone is fine in CSV.",
        )
    if text.startswith((b"{", b"[")):
        return _json(source, limits, text)
    if b"\0" in text.split(b"\n", 1)[0]:
        raise InputError(
            "the file is neither Parquet, JSON nor CSV",
            file=source.name,
            hint="Write it in one of these formats, or leave it out.",
        )
    return _csv(text)


def _csv(text: bytes) -> Format:
    line = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    if fields(line, EXCHANGES.required) >= set(EXCHANGES.required):
        return Format.CSV
    told = (form for form, mapping in _tables() if _is_of(mapping, fields(line, mapping.header)))
    return next(told, Format.CSV)
