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
from spiritsafe.simulation.roster import Roster, addresses

__all__ = ["SCHEMA", "Lane", "Models", "Style", "tabulate"]

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("exchange_id",)),
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


@dataclass(frozen=True, slots=True)
class Style:
    """How one kind of traffic looks apart from its text.

    Attributes:
        output: median and log-sigma of output tokens.
        tools: tools offered.
        thinking: share of the output that is reasoning.
        grader: True where answers are bounded scores.
        end_users: True if ids of end users are passed.
        batch: share of accounts using the batch operation.
        early: hours until half of the traffic is on the new model; 0 for a habit of each account's own.
        reseller: True if requests come over several channels.
    """

    output: tuple[float, float] = (260.0, 0.8)
    tools: int = 0
    thinking: float = 0.0
    grader: bool = False
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


def tabulate(rng: np.random.Generator, roster: Roster, lanes: list[Lane], models: Models, start_us: int) -> pa.Table:
    """Return the exchanges of one part of a world, unsorted, in the contract's columns."""
    key = int(rng.integers(1 << 48))
    tables = [_lane(rng, roster, lane, models, start_us, key, i) for i, lane in enumerate(lanes) if len(lane.beats)]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    return table.set_column(0, "exchange_id", hexes("ex_", mix(key, 99, np.arange(table.num_rows))))


def _lane(
    rng: np.random.Generator, roster: Roster, lane: Lane, models: Models, start_us: int, key: int, number: int
) -> pa.Table:
    beats, style, n = lane.beats, lane.style, len(lane.beats)
    member = beats.member
    row = pa.array(member)
    ip, asn, land = addresses(roster, member, beats.train, (beats.at // DAY_S).astype(np.int64), key)
    status = rng.choice([200, 429, 500, 529], n, p=[0.985, 0.008, 0.004, 0.003])
    columns = {
        "started_at": pa.array((start_us + beats.at * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
        "account_id": roster.accounts["account_id"].combine_chunks().take(row),
        "model": pa.array(models.names).take(pa.array(models.choose(rng, member, beats.at, style.early, key))),
        "organization_id": roster.accounts["organization_id"].combine_chunks().take(row),
        "key_id": _keys(roster, member, beats.train, key),
        "end_user_id": _end_users(rng, style, member, key),
        "conversation_id": _conversations(beats, key, number),
        "operation": pa.array(["chat"] * n),
        "status": status,
        "channel": _channels(rng, style, n),
        "client_ip": ip,
        "asn": asn,
        "country": land,
        "user_agent": pa.array([c[0] for c in roster.client]).take(row),
        "ja4": pa.array([c[1] for c in roster.client]).take(row),
        "prompt": lane.prompt,
        "system_prompt": lane.system,
        "batch": unit(key, 6, member) < style.batch,
        "n": np.ones(n, np.int64),
        "image_count": np.zeros(n, np.int64),
        "logprobs": np.zeros(n, bool),
        **_tokens(rng, lane, status, key),
    }
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type) for f in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _tokens(rng: np.random.Generator, lane: Lane, status: Ints, key: int) -> dict[str, object]:
    beats, style, n = lane.beats, lane.style, len(lane.beats)
    characters = (_length(lane.prompt) + _length(lane.system)) / 4.1
    turn = beats.turn
    context = characters * (1 + turn) + turn * 150
    fine = status == 200
    limit = np.array([256, 512, 1_024, 2_048, 4_096, 8_192])[(unit(key, 5, beats.member) ** 0.6 * 6).astype(int)]
    median, sigma = style.output
    wanted = median * np.exp(sigma * rng.standard_normal(n) + 0.3 * _normal(key + 1, beats.member))
    output = np.where(fine, np.minimum(np.maximum(wanted, 1), limit), 0).astype(np.int64)
    cached = np.where(turn > 0, context * 0.8, _length(lane.system) / 4.1) * (rng.random(n) < 0.7)
    streamed = unit(key, 7, beats.member) < 0.6
    calls = rng.binomial(1, 0.5 if style.tools else 0.0, n)
    return {
        "input_tokens": np.maximum(context, 1).astype(np.int64),
        "output_tokens": output,
        "duration_ms": (400 + output * rng.uniform(9, 22, n) + context * 0.02).astype(np.int64),
        "cached_input_tokens": np.where(cached > 256, cached, 0).astype(np.int64),
        "reasoning_tokens": (output * style.thinking).astype(np.int64),
        "max_tokens": pa.array(limit, mask=unit(key, 8, beats.member) < 0.35),
        "temperature": pa.array(np.round(unit(key, 9, beats.member) * 10) / 10, mask=unit(key, 10, beats.member) < 0.5),
        "stream": streamed,
        "message_count": 1 + 2 * turn + (_length(lane.system) > 0),
        "tool_count": np.full(n, style.tools, np.int64),
        "tool_call_count": calls,
        "finish_reason": _finish(fine, output >= limit, calls > 0),
        "response": _scores(rng, n) if style.grader else pa.nulls(n, pa.string()),
    }


def _length(texts: pa.Array) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False), float)


def _finish(fine: NDArray[np.bool_], cut: NDArray[np.bool_], called: NDArray[np.bool_]) -> pa.Array:
    code = np.where(cut, 1, np.where(called, 2, 0))
    return pa.array(["stop", "length", "tool_calls"]).take(pa.array(code, mask=~fine))


def _scores(rng: np.random.Generator, n: int) -> pa.Array:
    texts = [text.format(k) for k in range(1, 11) for text in ("{}", "Score: {}", '{{"score": {}}}')]
    return pa.array(texts).take(pa.array(rng.integers(0, len(texts), n)))


def _keys(roster: Roster, member: Ints, train: Ints, key: int) -> pa.Array:
    many = 1 + (mix(key, 11, np.arange(len(roster))) % np.uint64(10) > 7).astype(np.int64)
    names = hexes("key_", mix(key, 12, np.arange(2 * len(roster))))
    return names.take(pa.array(2 * member + (mix(key, 13, train).astype(np.int64) & 1) * (many[member] - 1)))


def _end_users(rng: np.random.Generator, style: Style, member: Ints, key: int) -> pa.Array:
    if not style.end_users:
        return pa.nulls(len(member), pa.string())
    crowd = 5 + (mix(key, 14, member) % np.uint64(200)).astype(np.int64)
    return hexes("u", mix(key, 15, member, (rng.random(len(member)) ** 2 * crowd).astype(np.int64)))


def _conversations(beats: Beats, key: int, number: int) -> pa.Array:
    if not beats.turn.any():
        return pa.nulls(len(beats), pa.string())
    distinct, back = np.unique(beats.train, return_inverse=True)
    return hexes("conv_", mix(key, 16, number, distinct)).take(pa.array(back))


def _channels(rng: np.random.Generator, style: Style, n: int) -> pa.Array:
    weights = [0.5, 0.3, 0.2] if style.reseller else [0.96, 0.03, 0.01]
    return pa.array(["api", "marketplace-a", "marketplace-b"]).take(pa.array(rng.choice(3, n, p=weights)))
