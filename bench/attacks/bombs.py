"""Files that claim much or hold much, each near the limit that it attacks: what the limit allows is what is measured.

Line formats are written piece by piece, because the bench's own memory must not be the measure of anything.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attacks.texts import FLOODS
from spiritsafe.ingest.readers import READERS, Format

__all__ = ["BOMBS", "ORDINARY", "Bomb", "flood"]

MB = 1_000_000
_LINE = 60 * MB
"""Just below the longest record that is read."""
_PAGE = 250 * MB
"""Just below the largest page that is decoded."""
_HEADER = b"exchange_id,started_at,account_id,model,input_tokens,output_tokens,prompt\n"
_TEXTS = ("prompt", "system_prompt", "response", "user_agent", "conversation_id", "end_user_id", "key_id", "channel")
_RESOURCE, _SPAN, _ATTRIBUTE = b"\x0a", b"\x12", b"\x4a"
"""Tags of OTLP's nested messages; a scope's is a span's."""

Pieces = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Bomb:
    """A hostile file.

    Attributes:
        name: of the file, and of its line in the table.
        about: what it is.
        write: writes it.
    """

    name: str
    about: str
    write: Callable[[Path], None]


def _plain(pieces: Pieces, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(pieces())


def _packed(pieces: Pieces, path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        file.writelines(pieces())


def _exchange(number: int, prompt: object) -> bytes:
    record = {
        "exchange_id": f"e-{number}",
        "started_at": 1_767_225_600 + number,
        "account_id": f"a-{number % 97}",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
        "prompt": prompt,
    }
    return json.dumps(record).encode() + b"\n"


def _words(size: int, seed: int) -> str:
    """Return about ``size`` characters of sentences, no two alike."""
    numbers = np.random.default_rng(seed).integers(0, 50_000, size // 7)
    return " ".join(f"w{n:x}." if n % 12 == 0 else f"w{n:x}" for n in numbers.tolist())


def _log(lines: int, prompt: Callable[[int], str]) -> Iterator[bytes]:
    return (_exchange(number, prompt(number)) for number in range(lines))


def _x(number: int) -> str:
    return "xyz"[number % 3] * _LINE


def _dense(line: Callable[[], bytes], inside: bytes) -> Iterator[bytes]:
    """Yield a record with as many small values as fit, where it says ``HERE``: the most objects for each byte."""
    before, _, after = line().partition(b"HERE")
    yield from (before, inside * (_LINE // len(inside)), inside.rstrip(b","), after)


def _prompt() -> bytes:
    return _exchange(1, "HERE").replace(b'"HERE"', b"[HERE]")


def _pair(messages: object = "HERE", answer: object = None) -> bytes:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    answer = answer or {"id": "r", "object": "chat.completion", "choices": [], "usage": usage}
    record = {
        "timestamp": 1_767_225_600,
        "account_id": "a",
        "response": {"status": 200, "body": answer},
        "request": {"body": {"model": "m", "messages": messages}},
    }
    return json.dumps(record).encode() + b"\n"


def _messages() -> bytes:
    return _pair().replace(b'"HERE"', b"[HERE]")


def _messages_as_text() -> bytes:
    return _pair("[HERE]")


def _stream() -> bytes:
    return _pair([], "HERE")


def _spans() -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[HERE]}]}]}\n'


def _field(rows: int) -> Iterator[bytes]:
    """CSV with a field of 60 MB in every row."""
    return chain([_HEADER], *([b"e%d,1767225600,a,m,1,1," % row, b"x" * _LINE, b"\n"] for row in range(rows)))


def _message(tag: bytes, content: bytes) -> bytes:
    length, parts = len(content), []
    while length > 0x7F:
        parts.append(length & 0x7F | 0x80)
        length >>= 7
    return tag + bytes([*parts, length]) + content


def _otlp(tag: bytes, path: Path, around: tuple[bytes, ...] = ()) -> None:
    """Write an example, by which the format is told, and a resource with as many empty messages as fit."""
    held = (tag + b"\0") * (_LINE // 2)
    for outer in (*around, _SPAN, _RESOURCE):
        held = _message(outer, held)
    path.write_bytes(READERS[Format.OTLP_PROTOBUF].examples()[0] + held)


def table(rows: int, **columns: object) -> pa.Table:
    """Return exchanges of one account in one second, with these columns beside or instead of the required ones."""
    base: dict[str, object] = {
        "exchange_id": [f"e{n}" for n in range(rows)],
        "started_at": pa.array(np.full(rows, 1_767_225_600), pa.timestamp("s", "UTC")),
        "account_id": ["a"] * rows,
        "model": ["m"] * rows,
        "input_tokens": np.ones(rows, np.int64),
        "output_tokens": np.ones(rows, np.int64),
    }
    return pa.table(base | columns)


def _written(path: Path, rows: pa.Table, **options: object) -> None:
    pq.write_table(rows, path, compression="zstd", write_statistics=False, **options)


def _dictionary(path: Path) -> None:
    held = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3_000, np.int32)), pa.array(["word " * MB]))
    _written(path, table(3_000, prompt=held), dictionary_pagesize_limit=1 << 30)


def _dictionaries(path: Path, size: int = 100) -> None:
    values = pa.array([f"{n:02d}" + " " * MB for n in range(size)])
    held = pa.DictionaryArray.from_arrays(pa.array(np.arange(size, dtype=np.int32)), values)
    _written(path, table(size, **dict.fromkeys(_TEXTS, held)), dictionary_pagesize_limit=1 << 30)


def _pages(columns: int, path: Path) -> None:
    held = pa.array([" " * (_PAGE // 10)] * 10, pa.large_string())
    rows = table(10, **dict.fromkeys(_TEXTS[:columns], held))
    _written(path, rows, use_dictionary=False, data_page_size=1 << 30)


def _prefixes(path: Path) -> None:
    held = pa.array(["word " * 20_000 + str(n) for n in range(20_000)], pa.large_string())
    encoding = {"prompt": "DELTA_BYTE_ARRAY"}
    _written(path, table(20_000, prompt=held), use_dictionary=False, column_encoding=encoding)


def _prompts(path: Path) -> None:
    schema = table(1, prompt=[""]).schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for number in range(40):
            row = table(1, prompt=[_words(10 * MB, number)])
            writer.write_table(row.set_column(0, "exchange_id", pa.array([f"e{number}"])))


def _json(name: str, about: str, pieces: Pieces) -> Bomb:
    return Bomb(name, about, partial(_plain, pieces))


def _gzip(name: str, about: str, pieces: Pieces) -> Bomb:
    return Bomb(name, about, partial(_packed, pieces))


def flood(name: str, count: int) -> Bomb:
    """Return a log of ``count`` texts of a flood."""
    return _json("flood.jsonl", name, partial(_log, count, FLOODS[name]))


ORDINARY = _json("log.jsonl", "an ordinary log of 10 MB", partial(_log, 10_000, partial(_words, 1_000)))
BOMBS = (
    _gzip("zeros.gz", "gzip: a JSON line of 4 GB", lambda: [b'{"prompt":"', *repeat(b"a" * MB, 4_000)]),
    _gzip("rows.gz", "gzip: CSV of 4 GB, commas only", lambda: [_HEADER, *repeat(b"," * MB, 4_000)]),
    _gzip("brackets.gz", "gzip: 4 GB of opening brackets", lambda: repeat(b"[" * MB, 4_000)),
    _json("line.jsonl", "JSON: ten lines of 60 MB", partial(_log, 10, _x)),
    _json("prompts.jsonl", "JSON: 60 prompts of 10 MB", partial(_log, 60, partial(_words, 10 * MB))),
    _json("objects.jsonl", "JSON: a prompt of 20 million empty objects", partial(_dense, _prompt, b"{},")),
    _json("keys.jsonl", "JSON: a prompt of 7 million objects in objects", partial(_dense, _prompt, b'{"":{}},')),
    _json("numbers.jsonl", "JSON: a prompt of 12 million numbers", partial(_dense, _prompt, b"1e10,")),
    _json("nested.jsonl", "JSON: a prompt of 60 million brackets in each other", partial(_dense, _prompt, b"[")),
    _json("nesting.json", "JSON: 300 million brackets in each other", lambda: repeat(b"[" * MB, 300)),
    _json("messages.jsonl", "pairs: 20 million empty messages", partial(_dense, _messages, b"{},")),
    _json("text.jsonl", "pairs: the same as a text that holds JSON", partial(_dense, _messages_as_text, b"{},")),
    _json("events.jsonl", "pairs: an answer of 5 million empty events", partial(_dense, _stream, rb"data:{}\n\n")),
    _json("spans.jsonl", "OTLP JSON: 20 million empty spans", partial(_dense, _spans, b"{},")),
    Bomb("spans.pb", "OTLP protobuf: 30 million empty spans", partial(_otlp, _SPAN)),
    Bomb("attributes.pb", "OTLP protobuf: 30 million empty attributes", partial(_otlp, _ATTRIBUTE, around=(_SPAN,))),
    _json(
        "endless.csv", "CSV: a field without end, 600 MB", lambda: [_HEADER, b'e,1,a,m,1,1,"', *repeat(b"x" * MB, 600)]
    ),
    _json("long.csv", "CSV: ten fields of 60 MB", partial(_field, 10)),
    Bomb("page.parquet", "Parquet: a page of 250 MB", partial(_pages, 1)),
    Bomb("pages.parquet", "Parquet: eight columns, each a page of 250 MB", partial(_pages, 8)),
    Bomb("dictionary.parquet", "Parquet: 5 MB that 3,000 rows repeat", _dictionary),
    Bomb("dictionaries.parquet", "Parquet: eight dictionaries of 100 MB", _dictionaries),
    Bomb("prefixes.parquet", "Parquet: 20,000 values of 100 kB, spelt as additions", _prefixes),
    Bomb("prompts.parquet", "Parquet: 40 prompts of 10 MB", _prompts),
)
