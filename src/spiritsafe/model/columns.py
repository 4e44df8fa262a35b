"""The contract's tables as data: name, type, whether required, and what becomes of each column.

Readers, the simulator and the documentation all read this one list, so that a column cannot be
accepted in one place and unknown in another. Source: ``docs/schema.md``.
"""

from dataclasses import dataclass
from enum import StrEnum

from spiritsafe.model.words import EntityKind

__all__ = ["ACCOUNTS", "ENTITIES", "EXCHANGES", "LABELS", "LINKS", "MODELS", "Column", "Kind", "TableSpec"]


class Kind(StrEnum):
    """Logical column types; readers map them to Arrow types."""

    STRING = "string"
    INT64 = "int64"
    DOUBLE = "double"
    BOOL = "bool"
    TIMESTAMP = "timestamp"  # UTC, microseconds
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract table.

    Attributes:
        name: as in the files.
        kind: logical type.
        required: a table without it is refused, and so is a row with a null in it.
        minimum: smallest legal value of a numeric column.
        maximum: largest legal value of a column whose values are added up or stand for a number that has a bound.
        choices: the closed vocabulary of a string column, empty if open.
        private: True for identifiers and texts that never reach the store as they are.
    """

    name: str
    kind: Kind
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table of the contract."""

    name: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """Return the column called ``name``, or None if the contract has none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the required columns, in order."""
        return tuple(column.name for column in self.columns if column.required)


_MOST = 2**31 - 1
"""No exchange has more tokens, messages, images or milliseconds; four thousand million of them fit a sum in int64.

What a client may ask for (``max_tokens``, ``n``, ``thinking_budget``) has no such bound: clients do send the
largest number they know, it is never added up, and a caller must not be able to stop the scan of a log.
"""


def _columns(
    kind: Kind, names: str, *, minimum: int | None = None, maximum: int | None = None, private: bool = False
) -> list[Column]:
    return [Column(name, kind, minimum=minimum, maximum=maximum, private=private) for name in names.split()]


def _counts(names: str, *, required: bool = False) -> list[Column]:
    return [Column(name, Kind.INT64, required=required, minimum=0, maximum=_MOST) for name in names.split()]


EXCHANGES = TableSpec(
    "exchanges",
    (
        Column("exchange_id", Kind.STRING, required=True),
        Column("started_at", Kind.TIMESTAMP, required=True),
        Column("account_id", Kind.STRING, required=True),
        Column("model", Kind.STRING, required=True),
        *_counts("input_tokens output_tokens", required=True),
        *_columns(Kind.STRING, "organization_id key_id"),
        *_columns(Kind.STRING, "end_user_id", private=True),
        *_columns(Kind.STRING, "conversation_id"),
        *_counts("duration_ms cached_input_tokens reasoning_tokens"),
        *_columns(Kind.INT64, "max_tokens", minimum=0),
        Column("temperature", Kind.DOUBLE, minimum=0),
        *_columns(Kind.BOOL, "stream batch logprobs"),
        *_columns(Kind.INT64, "n", minimum=0),
        *_counts("image_count"),
        *_columns(Kind.INT64, "thinking_budget", minimum=0),
        Column("operation", Kind.STRING),
        *_counts("message_count tool_count tool_call_count"),
        Column("finish_reason", Kind.STRING),
        Column("status", Kind.INT64, minimum=0),
        Column("channel", Kind.STRING),
        Column("client_ip", Kind.STRING, private=True),
        Column("asn", Kind.INT64, minimum=0, maximum=2**32 - 1),
        Column("country", Kind.STRING),
        *_columns(Kind.STRING, "user_agent ja4"),
        *_columns(Kind.STRING, "prompt system_prompt response", private=True),
        Column("sketch", Kind.BINARY),
        Column("template_id", Kind.STRING),
        Column("instance_hash", Kind.STRING),
        *_columns(Kind.STRING, "language capability elicitation"),
        Column("pseudonymised", Kind.BOOL),
        Column("exemplars", Kind.STRING),
        Column("decision_id", Kind.STRING),
    ),
)

ACCOUNTS = TableSpec(
    "accounts",
    (
        Column("account_id", Kind.STRING, required=True),
        Column("created_at", Kind.TIMESTAMP),
        Column("organization_id", Kind.STRING),
        Column("email_domain", Kind.STRING),
        *_columns(Kind.STRING, "email phone payment_fingerprint device_id signup_ip", private=True),
        *_columns(Kind.STRING, "country referral"),
        Column(
            "programme",
            Kind.STRING,
            choices=("none", "education", "research", "startup", "enterprise", "licensed_distillation"),
        ),
        Column("verification", Kind.STRING, choices=("none", "email", "phone", "payment", "organisation")),
    ),
)

MODELS = TableSpec(
    "models",
    (
        Column("model", Kind.STRING, required=True),
        Column("released_at", Kind.TIMESTAMP),
        Column("price_in", Kind.DOUBLE, minimum=0),
        Column("price_out", Kind.DOUBLE, minimum=0),
    ),
)

ENTITIES = TableSpec(
    "entities",
    (
        Column("kind", Kind.STRING, required=True, choices=tuple(EntityKind)),
        Column("value", Kind.STRING, required=True),
        Column("tag", Kind.STRING, required=True),
    ),
)

LINKS = TableSpec(
    "links",
    (
        Column("account_id", Kind.STRING, required=True),
        Column("family", Kind.STRING, required=True),
        Column("value", Kind.STRING, required=True),
        Column("n", Kind.INT64, minimum=1, maximum=_MOST),
        Column("first_seen", Kind.TIMESTAMP),
        Column("last_seen", Kind.TIMESTAMP),
    ),
)

LABELS = TableSpec(
    "labels",
    (
        Column("account_id", Kind.STRING, required=True),
        Column("cohort", Kind.STRING, required=True),
        Column("campaign", Kind.STRING),
    ),
)
