"""A sketch as bytes: what a gateway puts in the ``sketch`` column, and what may be shared.

Fixed little-endian records instead of a general serialiser: a batch is read with a few array views, and
every length can be checked before anything is believed. The bytes name the key they were made under by a
fingerprint, because sketches of two keys look alike and compare as noise.
"""

import base64
import binascii
import zlib
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.model.errors import InputError
from spiritsafe.sketch.capability import CAPABILITIES
from spiritsafe.sketch.elicitation import ELICITATION_CODES
from spiritsafe.sketch.language import LANGUAGES
from spiritsafe.sketch.minhash import BINS, EMPTY, PUBLIC_BINS, PUBLIC_EMPTY
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.ragged import offsets_of, spans
from spiritsafe.sketch.segments import CAP
from spiritsafe.sketch.sketches import SEGMENT_SYSTEM, Sketches
from spiritsafe.sketch.text import as_binary, buffers

__all__ = ["VERSION", "decode", "decode_public", "encode", "encode_public", "flaws"]

VERSION = 1
_PUBLIC_PREFIX = "ssp1:"

_HEAD = np.dtype(
    [
        ("magic", "S2"),
        ("version", "u1"),
        ("grader", "u1"),
        ("key", "<u4"),
        ("segments", "<u2"),
        ("language", "i1"),
        ("capability", "i1"),
        ("elicitation", "i1"),
        ("zero", "u1"),
        ("chars", "<i4"),
        ("instance", "<i8"),
        ("signature", "<u4", (BINS,)),
        ("public", "<u2", (PUBLIC_BINS,)),
    ]
)
_SEGMENT = np.dtype(
    [
        ("segment_hash", "<i8"),
        ("segment_words", "<i4"),
        ("segment_values", "<u4"),
        ("segment_flags", "u1"),
        ("segment_projection", "i1", (PROJECTION_DIM,)),
    ]
)
_CHECK = 4
_MAGIC = b"SK"
_HEAD_FIELDS = ("grader", "language", "capability", "elicitation", "chars", "instance", "signature", "public")


def _fingerprint(key: bytes) -> int:
    return int.from_bytes(blake2b(key, digest_size=4, person=b"sketch:key").digest(), "little")


def encode(sketches: Sketches, key: bytes) -> pa.Array:
    """Return binary[N], one record per exchange.

    Args:
        sketches: N exchanges.
        key: the secret they were made under; only a fingerprint of it is written.
    """
    counts = np.diff(sketches.offsets)
    head = np.zeros(len(sketches), _HEAD)
    head["magic"], head["version"], head["key"], head["segments"] = _MAGIC, VERSION, _fingerprint(key), counts
    for name in _HEAD_FIELDS:
        head[name] = getattr(sketches, name)
    body = np.zeros(len(sketches.segment_hash), _SEGMENT)
    for name in _SEGMENT.fields or ():
        body[name] = getattr(sketches, name)
    heads, bodies, size = head.tobytes(), body.tobytes(), _SEGMENT.itemsize
    rows = []
    for i, (begin, end) in enumerate(zip(sketches.offsets[:-1].tolist(), sketches.offsets[1:].tolist(), strict=True)):
        record = heads[i * _HEAD.itemsize : (i + 1) * _HEAD.itemsize] + bodies[begin * size : end * size]
        rows.append(record + zlib.crc32(record).to_bytes(_CHECK, "little"))
    return pa.array(rows, pa.binary())


def decode(records: pa.Array, key: bytes, *, first_row: int = 1, file: str = "") -> Sketches:
    """Return the sketches of N records; a null is an exchange without text.

    Args:
        records: binary[N] as `encode` wrote them.
        key: the secret they must have been made under.
        first_row: row number of the first record, for messages.
        file: where they come from, for messages.

    Raises:
        InputError: a record is too short or long, damaged, of another version or key, or holds values
            that no sketch has; it names the row.
    """
    missing, head, body, counts = _parsed(records, first_row, file)
    strange = (head["key"] != _fingerprint(key)) & ~missing
    if strange.any():
        row = first_row + int(strange.argmax())
        raise InputError("the sketch was made under another key", file=file, row=row, column="sketch", hint=_HINT)
    return _assemble(head, body, counts, missing)


def flaws(records: pa.Array) -> list[tuple[int, str]]:
    """Return (position, reason) of each record that no key would decode.

    Args:
        records: binary[N]; nulls are no flaw.
    """
    try:
        _parsed(records, 0, "")
    except InputError as error:
        if len(records) == 1:
            return [(0, error.reason)]
        half = len(records) // 2
        return flaws(records[:half]) + [(half + at, reason) for at, reason in flaws(records[half:])]
    return []


def _parsed(
    records: pa.Array, first_row: int, file: str
) -> tuple[NDArray[np.bool_], NDArray[np.void], NDArray[np.void], NDArray[np.int64]]:
    """Return which of N records are null, their heads, all segments and how many each record has."""
    missing = np.asarray(records.is_null())
    data, offsets = buffers(as_binary(records))

    def refuse(bad: NDArray[np.bool_], reason: str) -> None:
        if (bad & ~missing).any():
            row = int(np.flatnonzero(bad & ~missing)[0])
            raise InputError(reason, file=file, row=first_row + row, column="sketch", hint=_HINT)

    lengths = np.diff(offsets)
    refuse(lengths < _HEAD.itemsize + _CHECK, "the record is shorter than a sketch")
    head = np.zeros(len(lengths), _HEAD)
    there = ~missing
    starts = offsets[:-1][there]
    head[there] = _records(data, starts, _HEAD)
    refuse(head["magic"] != _MAGIC, "not a sketch")
    refuse(head["version"] != VERSION, f"a sketch of another version than {VERSION}")
    counts = head["segments"].astype(np.int64)
    refuse(lengths != _HEAD.itemsize + counts * _SEGMENT.itemsize + _CHECK, "the record's length is wrong")
    refuse(_damaged(data, offsets), "the record is damaged (checksum)")
    at = np.repeat(starts + _HEAD.itemsize, counts[there])
    at += spans(np.zeros_like(starts), counts[there]) * _SEGMENT.itemsize
    body = _records(data, at, _SEGMENT)
    refuse(_implausible(head, body, counts), "the record holds values that no sketch has")
    return missing, head, body, counts


_HINT = "let the edge sketch with the same version and key file, or send the text instead"


def _records(data: NDArray[np.uint8], starts: NDArray[np.int64], kind: np.dtype[np.void]) -> NDArray[np.void]:
    raw = data[starts[:, None] + np.arange(kind.itemsize)]
    return np.ascontiguousarray(raw).view(kind).reshape(len(starts))


def _damaged(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    view = memoryview(data.tobytes())
    bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    return np.array(
        [
            zlib.crc32(view[begin : end - _CHECK]) != int.from_bytes(view[end - _CHECK : end], "little")
            if end - begin > _CHECK
            else True
            for begin, end in bounds
        ],
        np.bool_,
    )


def _implausible(head: NDArray[np.void], body: NDArray[np.void], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[N]: True for a record with an index or a count out of range."""
    bad = (counts > 2 * CAP) | (head["grader"] > 1) | (head["chars"] < 0) | (head["zero"] != 0)
    for name, size in (
        ("language", len(LANGUAGES)),
        ("capability", len(CAPABILITIES)),
        ("elicitation", len(ELICITATION_CODES)),
    ):
        bad |= (head[name] < 0) | (head[name] >= size)
    wrong = (body["segment_words"] <= 0) | (body["segment_flags"] > SEGMENT_SYSTEM)
    bad |= np.bincount(np.repeat(np.arange(len(counts)), counts), wrong, len(counts)) > 0
    return np.asarray(bad)


def _assemble(
    head: NDArray[np.void], body: NDArray[np.void], counts: NDArray[np.int64], missing: NDArray[np.bool_]
) -> Sketches:
    columns = {name: np.ascontiguousarray(head[name]) for name in _HEAD_FIELDS}
    columns |= {name: np.ascontiguousarray(body[name]) for name in _SEGMENT.fields or ()}
    columns["grader"] = columns["grader"].astype(np.bool_)
    columns["signature"][missing], columns["public"][missing] = EMPTY, PUBLIC_EMPTY
    for name, codes in (("capability", CAPABILITIES), ("elicitation", ELICITATION_CODES)):
        columns[name][missing] = [code.value for code in codes].index("other" if name == "capability" else "none")
    return Sketches(offsets=offsets_of(counts).astype(np.int32), **columns)


def encode_public(public: NDArray[np.uint16]) -> str:
    """Return one public signature uint16[64] as text for an indicator.

    >>> encode_public(np.zeros(64, np.uint16))[:9]
    'ssp1:AAAA'
    """
    return _PUBLIC_PREFIX + base64.urlsafe_b64encode(public.astype("<u2").tobytes()).decode().rstrip("=")


def decode_public(text: str) -> NDArray[np.uint16]:
    """Return the uint16[64] signature that `encode_public` wrote.

    Raises:
        InputError: it is not one.
    """
    body = text.removeprefix(_PUBLIC_PREFIX)
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("a public sketch is not base64", hint=_PUBLIC_HINT) from error
    if not text.startswith(_PUBLIC_PREFIX) or len(raw) != 2 * PUBLIC_BINS:
        raise InputError("not a public sketch of this version", hint=_PUBLIC_HINT)
    return np.frombuffer(raw, "<u2").astype(np.uint16)


_PUBLIC_HINT = f"expected {_PUBLIC_PREFIX!r} and {2 * PUBLIC_BINS} bytes in URL-safe base64"
