"""A provider-sized log without text: daily Parquet files of accounts with habits of their own.

Drawn with numpy day by day, because the worlds of ``simulation`` write every prompt: at a hundred million
rows that would measure the simulator. Volumes are log-normal (most accounts send a few requests a month, a
few send millions), every account keeps its model, client, addresses and hours, organisations share exits,
and a few campaigns keep one dispatcher's hours behind shared networks, so that a scan has something to find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["ScaleSpec", "write_log"]

Int = NDArray[np.int64]

_START_US = 1_767_225_600_000_000  # 2026-01-01
_DAY_US = 86_400_000_000
_MODELS = np.array(["large-1", "large-2", "small-1", "small-2", "vision-1", "code-1"])
_CLIENTS = np.array([f"sdk-{name}/{major}.{minor}" for name in "abcd" for major in (1, 2) for minor in range(6)])
_COUNTRIES = np.array(["US", "IN", "DE", "BR", "JP", "GB", "FR", "KR", "ID", "NL", "CA", "AU", "ES", "IT", "PL", "SG"])
_JA4 = np.array([f"t13d{number:04d}h2_{number * 7919:012x}" for number in range(60)])
_FINISH = np.array(["stop", "length", "tool_calls"])
_ROW_GROUP = 250_000


@dataclass(frozen=True)
class ScaleSpec:
    """Size of the log.

    Attributes:
        exchanges: rows in all, about.
        accounts: accounts in all.
        days: days, one file each.
        campaigns, members: planted campaigns and the accounts of each.
        seed: of everything.
    """

    exchanges: int
    accounts: int
    days: int = 30
    campaigns: int = 4
    members: int = 400
    seed: int = 1

    @cached_property
    def habits(self) -> dict[str, Int]:
        """What an account keeps: organisation, client, country, model, exits, hours."""
        rng = np.random.default_rng([self.seed, 0])
        count = self.accounts
        organisation = np.where(rng.random(count) < 0.3, rng.integers(0, count // 20, count), -1)
        exit_of = np.where(organisation >= 0, organisation, count + np.arange(count))
        told = {
            "organisation": organisation,
            "exit": exit_of,
            "client": rng.zipf(1.6, count) % len(_CLIENTS),
            "ja4": rng.zipf(1.5, count) % 60,
            "country": rng.zipf(1.4, count) % len(_COUNTRIES),
            "asn": 1_000 + rng.zipf(1.3, count) % 5_000,
            "model": rng.integers(0, len(_MODELS), count),
            "hours": rng.integers(0, 24, count),
            "temperature": rng.integers(0, 5, count),
            "max_tokens": 1 << rng.integers(8, 14, count),
        }
        for number in range(self.campaigns):
            who = self.member(number)
            told["organisation"][who] = -1
            told["exit"][who] = -1 - number
            told["hours"][who] = 24 + number
        return told

    def member(self, campaign: int) -> Int:
        """Return the accounts of one campaign: spread over all account numbers."""
        step = self.accounts // (self.campaigns * self.members)
        return (np.arange(self.members) * self.campaigns + campaign) * step

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Cumulated share of each account in all exchanges; campaign members send what is typical of members."""
        rng = np.random.default_rng([self.seed, 1])
        weight = rng.lognormal(0.0, 1.6, self.accounts)
        for number in range(self.campaigns):
            weight[self.member(number)] = 8.0
        total = np.cumsum(weight)
        return np.asarray(total / total[-1])


def write_log(spec: ScaleSpec, folder: Path) -> Iterator[Path]:
    """Write ``folder/exchanges/day-NN.parquet`` and yield each as it is there."""
    (folder / "exchanges").mkdir(parents=True, exist_ok=True)
    for day in range(spec.days):
        path = folder / "exchanges" / f"day-{day:02d}.parquet"
        pq.write_table(_day(spec, day), path, row_group_size=_ROW_GROUP, compression="zstd")
        yield path


def _day(spec: ScaleSpec, day: int) -> pa.Table:
    rng = np.random.default_rng([spec.seed, 2, day])
    count = spec.exchanges // spec.days
    account = np.searchsorted(spec.shares, rng.random(count))
    us = _times(spec, account, day, rng)
    order = np.argsort(us, kind="stable")
    account, us = account[order], us[order]
    habits = {name: values[account] for name, values in spec.habits.items()}
    turns = rng.geometric(0.45, count)
    tools = np.where(habits["client"] % 3 == 0, 4, 0)
    serial = np.arange(count) + day * count
    return pa.table(
        {
            "exchange_id": _ids("ex-", _scrambled(serial, spec.seed)),
            "started_at": pa.array(us, pa.timestamp("us", "UTC")),
            "account_id": _ids("acct-", account),
            "model": _named(_MODELS, np.where(rng.random(count) < 0.9, habits["model"], rng.integers(0, 6, count))),
            "input_tokens": rng.gamma(1.2, 700, count).astype(np.int64),
            "output_tokens": rng.gamma(1.5, 300, count).astype(np.int64),
            "organization_id": _ids("org-", habits["organisation"], habits["organisation"] < 0),
            "conversation_id": _ids("conv-", _scrambled(serial // 3, spec.seed + 1)),
            "duration_ms": rng.gamma(2.0, 1_500, count).astype(np.int64),
            "cached_input_tokens": np.where(turns > 2, rng.integers(0, 800, count), 0),
            "max_tokens": habits["max_tokens"],
            "temperature": habits["temperature"] / 4,
            "stream": habits["client"] % 2 == 0,
            "message_count": 2 * turns,
            "tool_count": tools,
            "tool_call_count": np.where(tools > 0, rng.integers(0, 3, count), 0),
            "finish_reason": _named(_FINISH, rng.choice(3, count, p=[0.85, 0.1, 0.05])),
            "status": np.where(rng.random(count) < 0.01, 429, 200),
            "client_ip": _addresses(_exits(spec, habits["exit"], rng), rng),
            "asn": habits["asn"],
            "country": _named(_COUNTRIES, habits["country"]),
            "user_agent": _named(_CLIENTS, habits["client"]),
            "ja4": _named(_JA4, habits["ja4"]),
        }
    )


def _times(spec: ScaleSpec, account: Int, day: int, rng: np.random.Generator) -> Int:
    """Times of day: a bell around an account's own hour, a campaign's bursts for its members."""
    own = spec.habits["hours"][account]
    seconds = (own * 3_600 + rng.normal(0, 4 * 3_600, len(account))) % 86_400
    for number in range(spec.campaigns):
        who = np.flatnonzero(own == 24 + number)
        bursts = np.random.default_rng([spec.seed, 3, day, number]).integers(0, 24, 5)
        seconds[who] = (rng.choice(bursts, len(who)) * 3_600 + rng.random(len(who)) * 3_600) % 86_400
    return np.asarray(_START_US + day * _DAY_US + (seconds * 1e6).astype(np.int64))


def _scrambled(serial: Int, seed: int) -> Int:
    """Distinct numbers that look random: ids of a real log do not count up."""
    mixed = (serial.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(mixed >> np.uint64(1), np.int64)


def _ids(prefix: str, numbers: Int, absent: NDArray[np.bool_] | None = None) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers, mask=absent).cast(pa.string()), "")


def _named(names: NDArray[np.str_], codes: Int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names.tolist()))


def _exits(spec: ScaleSpec, exit_of: Int, rng: np.random.Generator) -> Int:
    """An account's own exit; a campaign's members come through any of the campaign's proxies."""
    proxies = spec.members // 8
    pool = 3 * spec.accounts - (exit_of + 1) * proxies + rng.integers(0, proxies, len(exit_of))
    return np.where(exit_of < 0, pool, exit_of)


def _addresses(exit_of: Int, rng: np.random.Generator) -> pa.Array:
    """An exit is a /24; an organisation's accounts come from a few addresses in it."""
    host = 1 + (exit_of * 31 + rng.integers(0, 3, len(exit_of))) % 250
    net = (exit_of * 2_654_435_761) % (1 << 24)
    parts = [net >> 16, (net >> 8) & 255, net & 255, host]
    return pc.binary_join_element_wise(*(pa.array(part).cast(pa.string()) for part in parts), ".")
