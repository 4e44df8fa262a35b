"""Marginals of campaigns: what the specification says is what the tables hold, within sampling error."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spiritsafe.simulation.worlds import World, WorldSpec, build, parse_campaign

Select = Callable[..., pa.Table]


def _alone(text: str, days: int = 10) -> World:
    return build(WorldSpec(accounts=0, days=days, seed=3, campaigns=(parse_campaign(text),)))


def _column(world: World, name: str) -> list[str]:
    return list(world.accounts[name].to_pylist())


def _per_prefix(world: World) -> Counter[str]:
    ips = world.exchanges.select(["account_id", "client_ip"]).to_pylist()
    pairs = {(row["client_ip"].rsplit(".", 1)[0], row["account_id"]) for row in ips}
    return Counter(prefix for prefix, _ in pairs)


def test_cover_is_the_stated_share_of_the_members_exchanges() -> None:
    world = _alone("C3:50:cover=.4,rate=30,turns=1,elicitation=ide")
    focal = pc.sum(pc.is_valid(world.exchanges["system_prompt"])).as_py()  # this template has a system prompt
    assert focal == pytest.approx(50 * 30 * 10, rel=0.08)
    assert 1 - focal / world.exchanges.num_rows == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("cards", [0, 1, 5])
def test_cards_are_shared_by_as_many_accounts(cards: int) -> None:
    counts = Counter(_column(_alone(f"C1:50:cards={cards},rate=5", days=2), "payment_fingerprint"))
    assert set(counts.values()) == {max(1, cards)}


def test_proxies_are_shared_and_nothing_shared_is_not() -> None:
    shared = _per_prefix(_alone("C1:48:proxies=8,rate=20,cover=0", days=5))
    assert max(shared.values()) == 8
    apart = _per_prefix(_alone("C1:48:shared=nothing,rate=20,cover=0", days=5))
    assert sum(count > 2 for count in apart.values()) == 0


def test_nothing_shared_signs_up_over_months() -> None:
    created = _alone("C1:60:shared=nothing", days=2).accounts["created_at"].cast(pa.int64()).to_numpy()
    assert np.ptp(created) > 80 * 86_400e6


def test_a_dealt_pool_repeats_nothing_and_a_drawn_one_does() -> None:
    dealt = _alone("C3:20:cover=0,template=none,rate=50").exchanges["prompt"]
    assert len(dealt.unique()) > 0.97 * len(dealt)
    drawn = _alone("C3:20:cover=0,template=none,rate=50,deal=0,pool=500").exchanges["prompt"]
    assert len(drawn.unique()) <= 500


def test_subjects_of_their_own_keep_accounts_to_a_slice() -> None:
    world = _alone("C3:20:cover=0,template=none,rate=40,deal=0,pool=1000,subjects=1,elicitation=agentic")
    seen = world.exchanges.group_by("account_id").aggregate([("prompt", "count_distinct")])
    assert pc.max(seen["prompt_count_distinct"]).as_py() <= 50
    assert len(world.exchanges["prompt"].unique()) > 900


@pytest.mark.parametrize(("paraphrase", "low", "high"), [(0, 1, 1), (4, 2, 4), (1, 400, 10_000)])
def test_paraphrases_are_as_many_as_asked(paraphrase: int, low: int, high: int) -> None:
    world = _alone(f"C3:20:cover=0,rate=30,elicitation=ide,paraphrase={paraphrase}")
    assert low <= len(world.exchanges["system_prompt"].unique()) <= high


def _clock(world: World) -> float:
    """Dispersion of accounts over 6-hour cells around the group's profile: about 1 under one clock."""
    at = world.exchanges["started_at"].cast(pa.int64()).to_numpy()
    account = world.exchanges["account_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    table = np.histogram2d(account, (at - at.min()) // (6 * 3_600e6), bins=[account.max() + 1, 40])[0]
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    busy = expected.sum(axis=0) > 0
    return float(((table - expected)[:, busy] ** 2 / expected[:, busy]).sum() / ((busy.sum() - 1) * account.max()))


def test_jitter_trades_the_dispatcher_for_personal_hours() -> None:
    central, own = (_clock(_alone(f"C3:40:cover=0,rate=30,jitter={jitter}")) for jitter in (0, 1))
    assert central < 1.0
    assert own > 2.5


def test_a_pivot_moves_half_of_the_traffic_in_its_hours() -> None:
    world = _alone("C3:60:cover=0,pivot=12,rate=60,pauses=0")
    hours = (world.exchanges["started_at"].cast(pa.int64()).to_numpy() / 3.6e9) % 24
    day = (world.exchanges["started_at"].cast(pa.int64()).to_numpy() - world.spec.start.timestamp() * 1e6) / 86_400e6
    new = np.array(world.exchanges["model"].to_pylist()) == "aria-4"
    assert not new[day < 5].any()
    around = (day >= 5) & (hours > 11) & (hours < 13) & (day < 6)
    assert new[around].mean() == pytest.approx(0.5, abs=0.1)
    assert new[day > 7].mean() > 0.9


def test_banned_accounts_stop_and_replacements_carry_on() -> None:
    world = _alone("C4:60:ban=.5,lag=6,cover=0,rate=40,pauses=0")
    spans = world.exchanges.group_by("account_id").aggregate([("started_at", "min"), ("started_at", "max")])
    start = world.spec.start.timestamp()
    first = np.array([t.timestamp() - start for t in spans["started_at_min"].to_pylist()]) / 86_400
    last = np.array([t.timestamp() - start for t in spans["started_at_max"].to_pylist()]) / 86_400
    assert (last < 8).sum() == 20
    assert (first > 2).sum() == 20
    assert world.accounts.num_rows == 60


def test_start_and_duration_bound_the_focal_traffic() -> None:
    world = _alone("C1:20:cover=0,start=2,duration=3")
    day = (world.exchanges["started_at"].cast(pa.int64()).to_numpy() / 1e6 - world.spec.start.timestamp()) / 86_400
    assert 2 <= day.min() < 2.5
    assert 4.5 < day.max() <= 5


def test_a_framed_victim_shares_network_and_template_with_its_campaign(world: World, exchanges: Select) -> None:
    victim, members = exchanges(cohort="framed"), exchanges(cohort="stolen_programme")
    prefixes = [{ip.rsplit(".", 1)[0] for ip in t["client_ip"].to_pylist()} for t in (victim, members)]
    assert len(prefixes[0] & prefixes[1]) >= 0.8 * len(prefixes[1])
    labels = world.labels.filter(pc.equal(world.labels["cohort"], "framed"))
    assert labels["campaign"].null_count == labels.num_rows


def test_shells_carry_the_campaign_and_organisations_of_their_own(world: World) -> None:
    shells = world.labels.filter(pc.equal(world.labels["cohort"], "shell"))
    assert set(shells["campaign"].to_pylist()) == {"C5-4"}
    rows = world.accounts.join(shells, "account_id", join_type="inner")
    assert len(rows["organization_id"].unique()) >= 3
    assert rows["organization_id"].null_count == 0


def test_a_stolen_programme_looks_licensed(world: World) -> None:
    stolen = world.labels.filter(pc.equal(world.labels["cohort"], "stolen_programme"))
    rows = world.accounts.join(stolen, "account_id", join_type="inner")
    assert set(rows["programme"].to_pylist()) == {"education"}
    assert len(rows["organization_id"].unique()) == 1
    assert set(rows["verification"].to_pylist()) == {"organisation"}


def test_shell_organisations_hold_a_few_members_each() -> None:
    counts = Counter(_column(_alone("C1:50:orgs=shell,rate=5", days=2), "organization_id"))
    assert set(counts.values()) == {5}


def test_foreign_bodies_are_as_many_as_asked() -> None:
    texts = _alone("C5:20:cover=0,template=none,foreign=.6").exchanges["prompt"].to_pylist()
    foreign = sum(not text.isascii() or " de " in text or " em " in text for text in texts)
    assert 0.4 < foreign / len(texts) < 0.75
