"""From times and texts to the contract's exchanges table.

Tokens, durations, errors and caching follow from the text's length, the turn and the style of the
traffic, in one place for honest accounts and campaigns, so that no column gives a campaign away that
would not do so in real logs.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.simulation.mixing import Ints, hexes, mix, unit
from spiritsafe.simulation.rhythm import DAY_S, Beats
from spiritsafe.simulation.roster import Roster

__all__ = ["SCHEMA", "Lane", "Models", "Style", "tabulate"]

SCHEMA = pa.schema(
    [
        ("exchange_id", pa.string()),
        ("started_at", pa.timestamp("us", "UTC")),
        *((name, pa.string()) for name in ("account_id", "model")),
        *((name, pa.int64()) for name in ("input_tokens", "output_tokens")),
        *((name, pa.string()) for name in ("organization_id", "key_id", "end_user_id", "conversation_id")),
        *((n, pa.int64()) for n in ("duration_ms", "cached_input_tokens", "reasoning_tokens", "max_tokens")),
        ("temperature", pa.float64()),
        *((name, pa.bool_()) for name in ("stream", "batch", "logprobs")),
        *((name, pa.int64()) for name in ("n", "image_count", "thinking_budget")),
        ("operation", pa.string()),
        *((name, pa.int64()) for name in ("message_count", "tool_count", "tool_call_count")),
        ("finish_reason", pa.string()),
        ("status", pa.int64()),
        *((name, pa.string()) for name in ("channel", "client_ip")),
        ("asn", pa.int64()),
        *((n, pa.string()) for n in ("country", "user_agent", "ja4", "prompt", "system_prompt", "response")),
    ]
)


_OUTPUT = {
    "": (260.0, 0.8),
    "chain_of_thought": (700.0, 0.5),
    "trace_reconstruction": (1_200.0, 0.4),
    "rubric_grading": (12.0, 0.5),
    "agentic": (600.0, 0.6),
    "coding_data": (800.0, 0.5),
    "extraction": (90.0, 0.5),
    "translation": (40.0, 0.5),
    "rag": (220.0, 0.5),
}
"""Median and log-sigma of output tokens per kind of template; others answer at medium length."""
_MEDIUM = (350.0, 0.7)
_TOOLS = {"agentic": 4, "tool_use": 6, "ide": 6, "framework": 4}
"""Tools that most accounts offer with these kinds of template; the others describe them in words."""
_LIMITS = np.array([256, 512, 1_024, 2_048, 4_096, 8_192])


@dataclass(frozen=True, slots=True)
class Style:
    """How one kind of traffic looks apart from its text.

    Attributes:
        kind: kind of template, '' for plain work; it decides how long answers are and what they hold.
        runs: True where a train is a run of separate requests, False where it is one conversation.
        vision: share of the exchanges that carry an image.
        end_users: True if ids of end users are passed.
        batch: share of accounts using the batch operation.
        early: hours until half of the traffic is on the new model; 0 for a habit of each account's own.
        reseller: True if requests come over several channels.
    """

    kind: str = ""
    runs: bool = False
    vision: float = 0.0
    end_users: bool = False
    batch: float = 0.0
    early: float = 0.0
    reseller: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Exchanges of one style: times, texts and style, row by row."""

    beats: Beats
    prompt: pa.Array
    system: pa.Array
    style: Style


@dataclass(frozen=True, slots=True)
class Models:
    """What can be asked: the release in the middle of the world and what was there before."""

    names: tuple[str, ...] = ("aria-4", "aria-3-large", "aria-3", "aria-3-mini")
    release_s: float = 5 * DAY_S

    def choose(self, rng: np.random.Generator, member: Ints, at: NDArray[np.float64], early: float, key: int) -> Ints:
        """Return a model's index per exchange; 0 is the new one."""
        usual = np.searchsorted([0.35, 0.8], unit(key, 1, member)) + 1
        since = (at - self.release_s) / 3_600.0
        half = np.full(len(member), early) if early else 24 * np.exp(1.2 + 1.3 * _normal(key, member))
        willing = np.ones(len(member), bool) if early else unit(key, 4, member) < 0.6
        moved = rng.random(len(member)) < 1 - 0.5 ** np.maximum(since / half, 0)
        return np.where(moved & (since >= 0) & willing, 0, usual)


def _normal(key: int, member: Ints) -> NDArray[np.float64]:
    radius = np.sqrt(-2 * np.log(1 - unit(key, 2, member)))
    return np.asarray(radius * np.cos(2 * np.pi * unit(key, 3, member)))


def tabulate(
    rng: np.random.Generator,
    roster: Roster,
    lanes: list[Lane],
    models: Models,
    start_us: int,
    *,
    quantiles: NDArray[np.float64] | None = None,
) -> pa.Table:
    """Return the exchanges of one part of a world, unsorted, in the contract's columns.

    Args:
        rng: source of the choices.
        roster: the accounts.
        lanes: their exchanges.
        models: what can be asked.
        start_us: the world's start, microseconds since the epoch.
        quantiles: output-token quantiles of real clients, one of which each account follows in plain
            work, shape (clients, points); None for log-normal lengths.
    """
    key = int(rng.integers(1 << 48))
    drawn = _Drawn(rng, roster, models, start_us, key, quantiles)
    tables = [drawn.lane(lane, number) for number, lane in enumerate(lanes) if len(lane.beats)]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    return table.set_column(0, "exchange_id", hexes("ex_", mix(key, 99, np.arange(table.num_rows))))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What the lanes of one part have in common while they are drawn."""

    rng: np.random.Generator
    roster: Roster
    models: Models
    start_us: int
    key: int
    quantiles: NDArray[np.float64] | None

    def lane(self, lane: Lane, number: int) -> pa.Table:
        """Return one lane as a table."""
        beats, style, n, key = lane.beats, lane.style, len(lane.beats), self.key
        member = beats.member
        ip, asn, land = self.roster.network(member, beats.train, (beats.at // DAY_S).astype(np.int64), key)
        status = self.rng.choice([200, 429, 500, 529], n, p=[0.985, 0.008, 0.004, 0.003])
        model = self.models.choose(self.rng, member, beats.at, style.early, key)
        program, ja4 = (names.take(pa.array(self.roster.client[member])) for names in self.roster.clients)
        columns = {
            "started_at": pa.array((self.start_us + beats.at * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
            "account_id": self.roster.column("account_id", member),
            "model": pa.array(self.models.names).take(pa.array(model)),
            "organization_id": self.roster.column("organization_id", member),
            "key_id": _keys(len(self.roster), member, beats.train, key),
            "end_user_id": _end_users(self.rng, style, member, key),
            "conversation_id": _conversations(beats, key, number, style),
            "operation": pa.array(["chat"] * n),
            "status": status,
            "channel": _channels(self.rng, style, n),
            "client_ip": ip,
            "asn": asn,
            "country": land,
            "user_agent": program,
            "ja4": ja4,
            "prompt": lane.prompt,
            "system_prompt": lane.system,
            "batch": unit(key, 6, member) < style.batch,
            "n": np.ones(n, np.int64),
            "image_count": self.rng.binomial(1, style.vision, n),
            "logprobs": np.zeros(n, bool),
            **self._tokens(lane, status == 200),
        }
        arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type) for f in SCHEMA]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _tokens(self, lane: Lane, fine: NDArray[np.bool_]) -> dict[str, object]:
        beats, style, n, key = lane.beats, lane.style, len(lane.beats), self.key
        member, turn = beats.member, np.zeros_like(beats.turn) if style.runs else beats.turn
        system = _length(lane.system) / 4.1
        context = (_length(lane.prompt) / 4.1 + system) * (1 + turn) + turn * 150
        limit = _LIMITS[(unit(key, 5, member) ** 0.6 * len(_LIMITS)).astype(int)]
        output = np.where(fine, np.clip(self._answers(lane), 1, limit), 0).astype(np.int64)
        cached = np.where(turn > 0, context * 0.8, system) * (self.rng.random(n) < 0.7)
        tools = np.where(unit(key, 18, member) < 0.7, _TOOLS.get(style.kind, 0), 0)
        calls = self.rng.binomial(1, np.where(tools > 0, 0.5, 0.0))
        warmth = np.round(unit(key, 9, member) * 10) / 10
        return {
            "input_tokens": np.maximum(context, 1).astype(np.int64),
            "output_tokens": output,
            "duration_ms": (400 + output * self.rng.uniform(9, 22, n) + context * 0.02).astype(np.int64),
            "cached_input_tokens": np.where(cached > 256, cached, 0).astype(np.int64),
            "reasoning_tokens": (output * (0.3 if style.kind == "chain_of_thought" else 0.0)).astype(np.int64),
            "max_tokens": pa.array(limit, mask=unit(key, 8, member) < 0.35),
            "temperature": pa.array(warmth, mask=unit(key, 10, member) < 0.5),
            "stream": unit(key, 7, member) < 0.6,
            "message_count": 1 + 2 * turn + (system > 0),
            "tool_count": tools,
            "tool_call_count": calls,
            "finish_reason": _finish(fine, output >= limit, calls > 0),
            "response": _scores(self.rng, n) if style.kind == "rubric_grading" else pa.nulls(n, pa.string()),
        }

    def _answers(self, lane: Lane) -> NDArray[np.float64]:
        """Return the length of each answer in tokens, before any limit."""
        n, member = len(lane.beats), lane.beats.member
        if self.quantiles is not None and not lane.style.kind:
            client = (mix(self.key, 17, member) % np.uint64(len(self.quantiles))).astype(np.int64)
            at = self.rng.random(n) * (self.quantiles.shape[1] - 1)
            low = at.astype(np.int64)
            below, above = self.quantiles[client, low], self.quantiles[client, low + 1]
            return np.asarray(below + (above - below) * (at - low))
        median, sigma = _OUTPUT.get(lane.style.kind, _MEDIUM)
        return np.asarray(median * np.exp(sigma * self.rng.standard_normal(n) + 0.3 * _normal(self.key + 1, member)))


def _length(texts: pa.Array) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False), float)


def _finish(fine: NDArray[np.bool_], cut: NDArray[np.bool_], called: NDArray[np.bool_]) -> pa.Array:
    code = np.where(cut, 1, np.where(called, 2, 0))
    return pa.array(["stop", "length", "tool_calls"]).take(pa.array(code, mask=~fine))


def _scores(rng: np.random.Generator, n: int) -> pa.Array:
    texts = [text.format(k) for k in range(1, 11) for text in ("{}", "Score: {}", '{{"score": {}}}')]
    return pa.array(texts).take(pa.array(rng.integers(0, len(texts), n)))


def _keys(accounts: int, member: Ints, train: Ints, key: int) -> pa.Array:
    """Return key ids; one account in five has two keys."""
    second = mix(key, 11, member) % np.uint64(10) > 7
    names = hexes("key_", mix(key, 12, np.arange(2 * accounts)))
    return names.take(pa.array(2 * member + (second & (mix(key, 13, train) % np.uint64(2) == 1))))


def _end_users(rng: np.random.Generator, style: Style, member: Ints, key: int) -> pa.Array:
    if not style.end_users:
        return pa.nulls(len(member), pa.string())
    crowd = 5 + (mix(key, 14, member) % np.uint64(200)).astype(np.int64)
    return hexes("u", mix(key, 15, member, (rng.random(len(member)) ** 2 * crowd).astype(np.int64)))


def _conversations(beats: Beats, key: int, number: int, style: Style) -> pa.Array:
    if style.runs or not beats.turn.any():
        return pa.nulls(len(beats), pa.string())
    distinct, back = np.unique(beats.train, return_inverse=True)
    return hexes("conv_", mix(key, 16, number, distinct)).take(pa.array(back))


def _channels(rng: np.random.Generator, style: Style, n: int) -> pa.Array:
    weights = [0.5, 0.3, 0.2] if style.reseller else [0.96, 0.03, 0.01]
    return pa.array(["api", "marketplace-a", "marketplace-b"]).take(pa.array(rng.choice(3, n, p=weights)))
