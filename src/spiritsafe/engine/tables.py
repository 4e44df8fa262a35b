"""The stored tables: keys, columns and how two rows of one key merge.

Every column merges by sum, minimum, maximum, element-wise sum, bottom-k union or 'latest', so that a
batch, a stream and a cluster produce the same table whatever the order of arrival. Sums are int64
(fixed point where the quantity is real) because float sums depend on the order of addition.

Accounts, templates, sentences and trait values are 64-bit hashes; ``identities`` and ``labels`` lead
back to what may be shown. Hours and days count from the epoch, UTC; ``*_us`` are microseconds.
"""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from spiritsafe.model.words import Capability, Elicitation, TraitKind

__all__ = [
    "BODY_SAMPLE",
    "CARRIED",
    "DAY_US",
    "FEATURE_DIM",
    "FEATURE_SCALE",
    "HOUR_US",
    "SHAPE_BINS",
    "TABLES",
    "TRAIT_DAYS",
    "Merge",
    "Table",
]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
FEATURE_DIM = 64
"""Random-Fourier features per exchange: 32 frequencies, a cosine and a sine each (unit norm)."""
FEATURE_SCALE = 1 << 20
"""Fixed-point unit of feature sums: 2**20 per 1.0 leaves room for 2**43 exchanges in an int64."""
BODY_SAMPLE = 64
"""Bodies kept per (account, template, day): the k smallest keyed hashes, so samples are coordinated."""
SHAPE_BINS = 32
"""Histogram of sizes: 16 bins of log2(1 + input tokens), then 16 of log2(1 + output tokens)."""
TRAIT_DAYS = 32
"""Days that share a row of ``traits``, counted from the epoch; only a model has its own row every day, because
when accounts move to a new one is evidence. First and last sight are exact all the same."""


class Merge(StrEnum):
    """How a column of two rows with equal keys becomes one value."""

    KEY = "key"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    VECTOR_SUM = "vector_sum"  # lists of Table.width(column) elements, added element by element
    BOTTOM_K = "bottom_k"  # sorted distinct hashes, the BODY_SAMPLE smallest kept
    BOTTOM_K_COUNT = "bottom_k_count"  # counts that travel with the BOTTOM_K column before it
    LATEST = "latest"  # the value of the row with the largest last_us; the larger value if two tie
    LONGEST = "longest"  # '' gives way to text


@dataclass(frozen=True, slots=True)
class Table:
    """One stored table: Arrow schema plus a merge rule per column."""

    name: str
    schema: pa.Schema
    merges: tuple[Merge, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key columns."""
        return tuple(n for n, m in zip(self.schema.names, self.merges, strict=True) if m is Merge.KEY)

    def counts(self, sample: str) -> str | None:
        """Return the column of counts that travels with a BOTTOM_K column, None if there is none."""
        at = self.schema.get_field_index(sample) + 1
        counted = at < len(self.merges) and self.merges[at] is Merge.BOTTOM_K_COUNT
        return str(self.schema.names[at]) if counted else None

    def width(self, column: str) -> int:
        """Return how many elements every list of a VECTOR_SUM column holds."""
        return _WIDTHS[column]


_WIDTHS = {
    "features": FEATURE_DIM,
    "capabilities": len(Capability),
    "elicitations": len(Elicitation),
    "shape": SHAPE_BINS,
}
_I64, _I32, _STR = pa.int64(), pa.int32(), pa.string()
_KEY, _SUM, _MIN, _MAX = Merge.KEY, Merge.SUM, Merge.MIN, Merge.MAX


def _table(name: str, *columns: tuple[str, pa.DataType, Merge]) -> Table:
    schema = pa.schema([pa.field(c, t, nullable=t == _STR) for c, t, _ in columns])
    return Table(name, schema, tuple(m for _, _, m in columns))


def _sums(names: str) -> list[tuple[str, pa.DataType, Merge]]:
    return [(name, _I64, _SUM) for name in names.split()]


CARRIED: dict[str, dict[str, TraitKind]] = {
    "addresses": {
        "ip": TraitKind.IP,
        "ip_before": TraitKind.IP,
        "prefix": TraitKind.PREFIX,
        "prefix_before": TraitKind.PREFIX,
    },
    "habits": {
        "asn": TraitKind.ASN,
        "country": TraitKind.COUNTRY,
        "user_agent": TraitKind.USER_AGENT,
        "ja4": TraitKind.JA4,
        "channel": TraitKind.CHANNEL,
        "config": TraitKind.CONFIG,
    },
}
"""Tables that carry several traits in a row, and of which kind each column is; 0 is none. What an exchange tells of its
sender is nearly always told together: as rows of ``traits`` it would take ten where two do. ``*_before`` is the
pseudonym of the earlier epoch where two overlap."""


def _carrying(name: str, key: str) -> Table:
    """A table of ``CARRIED``; ``key`` is a hash of all its columns, so that rows of one key agree in them."""
    return _table(
        name,
        ("account", _I64, _KEY),
        (key, _I64, _KEY),
        ("day", _I32, _KEY),
        ("n", _I64, _SUM),
        ("first_us", _I64, _MIN),
        ("last_us", _I64, _MAX),
        *((column, _I64, _MAX) for column in CARRIED[name]),
    )


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "identities",
            ("account", _I64, _KEY),
            ("account_id", _STR, Merge.LATEST),
            ("organization_id", _STR, Merge.LATEST),
            ("last_us", _I64, _MAX),
        ),
        _table(
            "activity",
            ("account", _I64, _KEY),
            ("hour", _I32, _KEY),
            *_sums(
                "n input_tokens output_tokens cached_tokens reasoning_tokens single_turn tool_offers"
                " tool_calls images errors truncated streamed batched end_users"
            ),
            ("first_us", _I64, _MIN),
            ("last_us", _I64, _MAX),
        ),
        _table(
            "traits",
            ("kind", _STR, _KEY),
            ("account", _I64, _KEY),
            ("value", _I64, _KEY),
            ("day", _I32, _KEY),
            ("n", _I64, _SUM),
            ("first_us", _I64, _MIN),
            ("last_us", _I64, _MAX),
        ),
        _carrying("addresses", "address"),
        _carrying("habits", "habit"),
        _table("labels", ("kind", _STR, _KEY), ("value", _I64, _KEY), ("label", _STR, Merge.LONGEST)),
        _table(
            "content",
            ("account", _I64, _KEY),
            ("template", _I64, _KEY),
            ("hour", _I32, _KEY),
            *_sums("n single_turn"),
        ),
        _table(
            "pools",
            ("account", _I64, _KEY),
            ("template", _I64, _KEY),
            ("day", _I32, _KEY),
            *_sums("n single_turn grader output_tokens chars"),
            ("features", pa.list_(_I64), Merge.VECTOR_SUM),
            ("shape", pa.list_(_I64), Merge.VECTOR_SUM),
            ("capabilities", pa.list_(_I64), Merge.VECTOR_SUM),
            ("elicitations", pa.list_(_I64), Merge.VECTOR_SUM),
            ("bodies", pa.list_(_I64), Merge.BOTTOM_K),
            ("body_n", pa.list_(_I64), Merge.BOTTOM_K_COUNT),
        ),
        _table(
            "sentences",
            ("sentence", _I64, _KEY),
            ("n", _I64, _SUM),
            ("instances", pa.list_(_I64), Merge.BOTTOM_K),
            ("senders", pa.list_(_I64), Merge.BOTTOM_K),
            ("words", _STR, Merge.LONGEST),
        ),
        _table(
            "templates",
            ("template", _I64, _KEY),
            ("n", _I64, _SUM),
            ("senders", pa.list_(_I64), Merge.BOTTOM_K),
            ("sentences", pa.list_(_I64), Merge.BOTTOM_K),
            ("signature", pa.list_(_I64), Merge.LATEST),
            ("public_sketch", pa.list_(_I64), Merge.LATEST),
            ("last_us", _I64, _MAX),
        ),
        _table(
            "profiles",
            ("account", _I64, _KEY),
            ("created_us", _I64, _MIN),
            ("organization_id", _STR, Merge.LATEST),
            ("country", _STR, Merge.LATEST),
            ("programme", _STR, Merge.LATEST),
            ("verification", _STR, Merge.LATEST),
            ("last_us", _I64, _MAX),
        ),
        _table(
            "models",
            ("model", _STR, _KEY),
            ("released_us", _I64, _MIN),
            ("price_in", pa.float64(), Merge.LATEST),
            ("price_out", pa.float64(), Merge.LATEST),
            ("last_us", _I64, _MAX),
        ),
        _table("seen", ("exchange", _I64, _KEY), ("hour", _I32, _KEY)),
    )
}
