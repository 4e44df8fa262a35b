"""A chunk of exchanges as rows of the stored tables.

Rows need not be merged: the engine merges equal keys by each table's rules before it writes them. Only
the pools, whose lists would be dear to merge exchange by exchange, are summed here.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.tables import BODY_SAMPLE, FEATURE_SCALE, GAP_BINS, SHAPE_BINS, TABLES
from spiritsafe.ingest.chunk import Chunk
from spiritsafe.model.words import Capability, Elicitation

__all__ = ["Texts", "activity", "content", "identities", "pools", "rhythms", "table_of"]

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


def table_of(name: str, columns: dict[str, object]) -> pa.Table:
    """Return columns as an Arrow table with the stored table's schema."""
    schema = TABLES[name].schema
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


def identities(chunk: Chunk) -> pa.Table:
    """Account hashes back to the ids that one acts on."""
    return pa.table(
        {
            "account": chunk.account,
            "account_id": chunk.column("account_id"),
            "organization_id": chunk.column("organization_id").cast(pa.string()),
            "last_us": chunk.us,
        },
        schema=TABLES["identities"].schema,
    )


def activity(chunk: Chunk) -> pa.Table:
    """Counts and sums per account and hour."""
    finish = pc.equal(chunk.column("finish_reason").cast(pa.string()), "length")
    end_user = pc.is_valid(chunk.column("end_user_id"))
    return table_of(
        "activity",
        {
            "account": chunk.account,
            "hour": chunk.hour,
            "n": np.ones(len(chunk), np.int64),
            "input_tokens": chunk.ints("input_tokens"),
            "output_tokens": chunk.ints("output_tokens"),
            "cached_tokens": chunk.ints("cached_input_tokens"),
            "reasoning_tokens": chunk.ints("reasoning_tokens"),
            "single_turn": chunk.single.astype(np.int64),
            "tool_offers": (chunk.ints("tool_count") > 0).astype(np.int64),
            "tool_calls": chunk.ints("tool_call_count"),
            "images": chunk.ints("image_count"),
            "errors": (chunk.ints("status") >= 400).astype(np.int64),
            "truncated": np.asarray(pc.fill_null(finish, False).to_numpy(), np.int64),
            "streamed": chunk.flags("stream"),
            "batched": chunk.flags("batch"),
            "end_users": np.asarray(end_user.to_numpy(), np.int64),
            "first_us": chunk.us,
            "last_us": chunk.us,
        },
    )


def content(chunk: Chunk, texts: Texts) -> pa.Table:
    """Counts per account, template and hour."""
    return table_of(
        "content",
        {
            "account": chunk.account,
            "template": texts.template,
            "hour": chunk.hour,
            "n": np.ones(len(chunk), np.int64),
            "single_turn": chunk.single.astype(np.int64),
        },
    )


def rhythms(chunk: Chunk) -> pa.Table:
    """Gaps between an account's successive exchanges, log2 bins from a sixteenth of a second.

    A gap belongs to the day of its later exchange; the one across two batches is lost.
    """
    order = np.lexsort((chunk.us, chunk.account))
    account, us = chunk.account[order], chunk.us[order]
    later = np.flatnonzero(account[1:] == account[:-1]) + 1
    gap = (us[later] - us[later - 1]) * 16 / 1e6
    bins = np.clip(np.floor(np.log2(np.maximum(gap, 1.0))), 0, GAP_BINS - 1).astype(np.int64)
    groups, first = _groups(account[later], chunk.day[order][later])
    table = np.zeros((len(first), GAP_BINS), np.int64)
    np.add.at(table, (groups, bins), 1)
    return table_of(
        "rhythms",
        {
            "account": account[later][first],
            "day": chunk.day[order][later][first],
            "gaps": _lists(table),
        },
    )


def pools(chunk: Chunk, texts: Texts) -> pa.Table:
    """What was sent per account, template and day: feature sums, class counts, sizes, sampled bodies."""
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
