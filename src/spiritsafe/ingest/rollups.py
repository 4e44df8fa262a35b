"""A chunk of exchanges as rows of the stored tables, summed by key.

Exchanges of which the log says nothing but that they happened - no text, no sketch, no template - are in
``activity`` alone; ``content`` and ``pools`` tell of the others. Without that, a log of a hundred million rows
without text would be stored three times.
"""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.order import reduce_sum
from spiritsafe.engine.tables import BODY_SAMPLE, FEATURE_DIM, FEATURE_SCALE, SHAPE_BINS, TABLES
from spiritsafe.ingest.chunk import Chunk
from spiritsafe.model.words import Capability, Elicitation

__all__ = ["Texts", "activity", "content", "identities", "pools", "table_of"]

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """What is left of a chunk's texts, arrays of length n; zeros where the log has none.

    Attributes:
        template: template id, 0 = none.
        body: hash of the text with the template removed, 0 = no text.
        features: unit-norm body features, float32 [n, FEATURE_DIM]; zero without text.
        chars, language, capability, elicitation: see ``sketch``; classes are -1 where unknown.
        grader: whether the exchange is shaped like grading.
    """

    template: Int
    body: Int
    features: NDArray[np.float32]
    chars: Int
    language: Int
    capability: Int
    elicitation: Int
    grader: NDArray[np.bool_]

    @property
    def told(self) -> NDArray[np.bool_]:
        """Of which exchanges the log says anything beyond that they happened."""
        return np.asarray(
            (self.template != 0) | (self.body != 0) | (self.capability >= 0) | (self.elicitation >= 0), np.bool_
        )

    def take(self, rows: Int) -> "Texts":
        """Return what is left of the exchanges at ``rows``."""
        return Texts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def but(self, columns: dict[str, Int]) -> "Texts":
        """Return the same with other columns of integers."""
        return Texts(**({field.name: getattr(self, field.name) for field in fields(self)} | columns))

    @classmethod
    def none(cls, count: int) -> "Texts":
        """Return what is known of ``count`` exchanges without any text."""
        zeros, unknown = np.zeros(count, np.int64), np.full(count, -1)
        features = np.zeros((count, FEATURE_DIM), np.float32)
        return cls(zeros, zeros, features, zeros, unknown, unknown, unknown, zeros.astype(np.bool_))


def table_of(name: str, columns: dict[str, object]) -> pa.Table:
    """Return columns as an Arrow table with the stored table's schema."""
    schema = TABLES[name].schema
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


def identities(chunk: Chunk) -> pa.Table:
    """Account hashes back to the ids that one acts on, as of each account's last exchange."""
    rows = pa.array(chunk.runs.last)
    return pa.table(
        {
            "account": chunk.account[rows],
            # texts first: to give the pieces of a column one dictionary takes three times as long
            "account_id": chunk.column("account_id").cast(pa.string()).take(rows),
            "organization_id": chunk.column("organization_id").cast(pa.string()).take(rows),
            "last_us": chunk.us[rows],
        },
        schema=TABLES["identities"].schema,
    )


_SUMS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cached_input_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "tool_calls": "tool_call_count",
    "images": "image_count",
}
_FLAGS = {"streamed": "stream", "batched": "batch"}


def activity(chunk: Chunk) -> pa.Table:
    """Counts and sums per account and hour."""
    order = chunk.runs.order
    starts = chunk.runs.split(chunk.hour)
    first, last = order[starts[:-1]], order[starts[1:] - 1]

    def total(values: NDArray[np.generic], *, told: bool = True) -> Int:
        return reduce_sum(values, order, starts) if told else np.zeros(len(first), np.int64)

    return table_of(
        "activity",
        {
            "account": chunk.account[first],
            "hour": chunk.hour[first],
            "n": np.diff(starts),
            "single_turn": total(chunk.single),
            "tool_offers": total(chunk.ints("tool_count") > 0, told=chunk.has("tool_count")),
            "errors": total(chunk.ints("status") >= 400, told=chunk.has("status")),
            "truncated": total(_truncated(chunk), told=chunk.has("finish_reason")),
            "end_users": total(_valid(chunk, "end_user_id"), told=chunk.has("end_user_id")),
            **{name: total(chunk.ints(source), told=chunk.has(source)) for name, source in _SUMS.items()},
            **{name: total(chunk.flags(source), told=chunk.has(source)) for name, source in _FLAGS.items()},
            "first_us": chunk.us[first],
            "last_us": chunk.us[last],
        },
    )


def _truncated(chunk: Chunk) -> NDArray[np.bool_]:
    parts = [np.zeros(0, np.bool_)]
    for reason in chunk.column("finish_reason").chunks:
        if pa.types.is_dictionary(reason.type):
            long = np.array([*(word == "length" for word in reason.dictionary.to_pylist()), False], np.bool_)
            parts.append(long[pc.fill_null(reason.indices, len(long) - 1).to_numpy(zero_copy_only=False)])
        else:
            long = pc.fill_null(pc.equal(reason.cast(pa.string()), "length"), False)
            parts.append(long.to_numpy(zero_copy_only=False))
    return np.concatenate(parts)


def _valid(chunk: Chunk, name: str) -> NDArray[np.bool_]:
    return np.asarray(pc.is_valid(chunk.column(name)).to_numpy(), np.bool_)


def content(chunk: Chunk, texts: Texts) -> pa.Table:
    """Counts per account, template and hour; exchanges without a template are in ``activity`` only."""
    rows = np.flatnonzero(texts.template)
    return table_of(
        "content",
        {
            "account": chunk.account[rows],
            "template": texts.template[rows],
            "hour": chunk.hour[rows],
            "n": np.ones(len(rows), np.int64),
            "single_turn": chunk.single[rows].astype(np.int64),
        },
    )


def pools(chunk: Chunk, texts: Texts) -> pa.Table:
    """What was sent per account, template and day: feature sums, class counts, sizes, sampled bodies.

    Of exchanges that the log says something about.
    """
    rows = np.flatnonzero(texts.told)
    if len(rows) < len(chunk):
        chunk, texts = chunk.take(rows), texts.take(rows)
    groups, first = _groups(chunk.account, texts.template, chunk.day)
    count = len(first)

    def total(values: NDArray[np.generic]) -> Int:
        return np.bincount(groups, values.astype(np.float64), count).astype(np.int64)

    bodies, body_n = _sample(groups, texts.body, count)
    return table_of(
        "pools",
        {
            "account": chunk.account[first],
            "template": texts.template[first],
            "day": chunk.day[first],
            "n": np.bincount(groups, minlength=count),
            "single_turn": total(chunk.single),
            "grader": total(texts.grader),
            "output_tokens": total(chunk.ints("output_tokens")),
            "chars": total(texts.chars),
            "features": _lists(_sum_rows(groups, count, np.rint(texts.features * FEATURE_SCALE).astype(np.int64))),
            "shape": _lists(_shape(chunk, groups, count)),
            "capabilities": _lists(_classes(groups, count, texts.capability, len(Capability))),
            "elicitations": _lists(_classes(groups, count, texts.elicitation, len(Elicitation))),
            "bodies": bodies,
            "body_n": body_n,
        },
    )


def _groups(*keys: Int) -> tuple[Int, Int]:
    """Number rows by equal keys: (group per row, a row of each group)."""
    if not len(keys[0]):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.lexsort(keys[::-1])
    fresh = np.zeros(len(order), np.bool_)
    fresh[0] = True
    for key in keys:
        fresh[1:] |= key[order][1:] != key[order][:-1]
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(fresh) - 1
    return group, order[fresh]


def _sum_rows(groups: Int, count: int, rows: Int) -> Int:
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(count))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0)) if count else rows[:0]


def _shape(chunk: Chunk, groups: Int, count: int) -> Int:
    half = SHAPE_BINS // 2
    out = np.zeros((count, SHAPE_BINS), np.int64)
    for offset, name in ((0, "input_tokens"), (half, "output_tokens")):
        bins = np.minimum(np.log2(1 + chunk.ints(name).astype(np.float64)).astype(np.int64), half - 1)
        np.add.at(out, (groups, offset + bins), 1)
    return out


def _classes(groups: Int, count: int, codes: Int, width: int) -> Int:
    out = np.zeros((count, width), np.int64)
    known = codes >= 0
    np.add.at(out, (groups[known], codes[known]), 1)
    return out


def _sample(groups: Int, body: Int, count: int) -> tuple[pa.ListArray, pa.ListArray]:
    """The BODY_SAMPLE smallest distinct bodies of each group, ascending, with their counts."""
    text = body != 0
    group, body = groups[text], body[text]
    order = np.lexsort((body, group))
    group, body = group[order], body[order]
    fresh = np.ones(len(body), np.bool_)
    fresh[1:] = (body[1:] != body[:-1]) | (group[1:] != group[:-1])
    starts = np.flatnonzero(fresh)
    times = np.diff(np.append(starts, len(body)))
    group, body = group[starts], body[starts]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    kept = rank < BODY_SAMPLE
    offsets = np.concatenate(([0], np.cumsum(np.bincount(group[kept], minlength=count)))).astype(np.int32)
    return (
        pa.ListArray.from_arrays(offsets, pa.array(body[kept])),
        pa.ListArray.from_arrays(offsets, pa.array(times[kept])),
    )


def _lists(matrix: Int) -> pa.ListArray:
    rows, width = matrix.shape
    return pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * width, pa.array(matrix.ravel()))
