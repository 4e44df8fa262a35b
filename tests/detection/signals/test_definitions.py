"""Small cases whose value can be worked out by hand, and changes that must not matter."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.calibration import Measurement, weigh
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.population import Content, Float, Int, ModelDays, Pools, Population
from spiritsafe.detection.signals import SIGNALS, Signal
from spiritsafe.detection.signals.pivot import launches
from spiritsafe.detection.signals.pool import collisions
from spiritsafe.detection.synthetic import Sheet, assemble, cards, clockwork, customer, pivoting, standing, subjects
from spiritsafe.engine.tables import FEATURE_DIM
from spiritsafe.model.words import Family, TraitKind
from tests.detection.nulls import EACH, flat

BY_NAME = {signal.name: signal for signal in SIGNALS}
signals = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)


def _value(name: str, focus: Focus) -> float:
    measured = BY_NAME[name].measure(focus)
    assert measured is not None
    return measured.value


# --- by hand --------------------------------------------------------------------------------------------------


def test_collisions_by_hand() -> None:
    # member 0 sends item 1 twice and item 2; member 1 items 1, 3, 3; member 2 item 4 three times
    bodies = [np.array([1, 1, 2]), np.array([1, 3, 3]), np.array([4, 4, 4])]
    counts = np.zeros((3, 48), np.int64)
    counts[:, :3] = 1
    seen = collisions(assemble(Sheet(counts, bodies=bodies), members=3))
    assert (seen.within, seen.across) == (1 + 1 + 3, 2)
    assert (seen.within_pairs, seen.across_pairs) == (3 * 3, 3 * 9)
    assert seen.per_member == 2
    assert (seen.sampled, seen.repeated) == (9, 5)


def test_one_pool_is_the_log_of_the_two_rates() -> None:
    bodies = [np.arange(40) + 100 * member for member in range(2)]
    bodies[0][:3], bodies[0][3], bodies[1][0] = 1_007, 1_008, 1_008
    focus = assemble(Sheet(flat(2, 40), bodies=bodies), members=2)
    # within: 3 of 2 x 780 pairs; across: item 1,008 meets in 1 of 1,600 pairs; half a pair is added to each
    assert _value("one_pool", focus) == pytest.approx(np.log10((3.5 / 1_560) / (1.5 / 1_600)))


def test_one_pool_has_no_verdict_where_one_list_explains_the_repeats() -> None:
    bodies = [np.random.default_rng(member).permutation(30)[:12] for member in range(12)]
    focus = assemble(Sheet(flat(12, 12), bodies=bodies), members=12)
    assert BY_NAME["one_pool"].measure(focus) is None


def test_a_split_corpus_has_no_verdict_where_items_come_back() -> None:
    assert BY_NAME["split_corpus"].measure(subjects(seed=1, own=False, items=40)) is None
    assert _value("split_corpus", subjects(seed=1, own=False, items=10**6)) == pytest.approx(1, abs=0.1)


def test_single_turns_say_nothing_in_a_log_where_nobody_goes_on() -> None:
    focus = clockwork(seed=7, shared=1.0)
    accounts = focus.population.accounts
    silent = replace(focus.population, accounts=replace(accounts, single_turn=accounts.n))
    assert BY_NAME["single_turn"].measure(cut(silent, focus.members, focus.templates)) is None
    assert _value("single_turn", focus) == pytest.approx(1)


def test_a_joint_sign_up_is_told_in_other_accounts_not_in_days() -> None:
    """A launch on which half of everybody signs up makes nobody a cohort."""
    rng = np.random.default_rng(3)
    launch = rng.random(200) * np.where(np.arange(200) % 2, 2, 300) + 1_000
    together = assemble(Sheet(flat(200), created_us=(launch * 86_400e6).astype(np.int64)), members=40)
    assert abs(_value("joint_signup", together)) < 0.2
    launch[:40] = 1_000 + rng.random(40) * 2
    launch[40:] = 1_000 + rng.random(160) * 300
    cohort = assemble(Sheet(flat(200), created_us=(launch * 86_400e6).astype(np.int64)), members=40)
    assert _value("joint_signup", cohort) > 0.9


@pytest.mark.parametrize(("per_exit", "shared"), [(40, 0.0), (10, 1.0)])
def test_an_address_that_most_of_the_group_has_is_a_place(per_exit: int, shared: float) -> None:
    """Forty students on one campus of three addresses; forty accounts behind four proxies."""
    rows = [(str(TraitKind.PREFIX), a // per_exit if a < 40 else 10**6 + a, a) for a in range(2_000)]
    rows += [(str(TraitKind.IP), 10**3 + a % 3 if a < 40 and per_exit == 40 else 10**7 + a, a) for a in range(2_000)]
    focus = assemble(Sheet(flat(2_000), traits=rows), members=40)
    assert _value("shared_network", focus) == pytest.approx(shared, abs=0.15)


def test_a_shared_rhythm_is_judged_while_a_member_lived() -> None:
    """Members that were banned or came late follow the group as long as they were there."""
    focus = clockwork(seed=3, shared=1.0)
    content, days = focus.population.content, focus.cells.shape[1]
    late = content.account % 2 == 0
    kept = np.where(content.account < 40, np.where(late, content.hour >= 12 * days, content.hour < 12 * days), True)
    some = replace(
        content, **{f: getattr(content, f)[kept] for f in ("template", "account", "hour", "n", "single_turn")}
    )
    halves = cut(replace(focus.population, content=some), focus.members, focus.templates)
    assert _value("shared_rhythm", halves) == pytest.approx(_value("shared_rhythm", focus), abs=0.25)


@pytest.mark.parametrize("repeats", [1, 3])
def test_same_items_is_the_share_of_items_in_common(repeats: int) -> None:
    # 20 members do 12 of the same 16 items; how often each is asked must not matter
    rng = np.random.default_rng(3)
    bodies = [np.repeat(rng.permutation(16)[:12], repeats) for _ in range(20)]
    focus = assemble(Sheet(flat(20, 12 * repeats), bodies=bodies), members=20)
    assert _value("same_items", focus) == pytest.approx(0.75, abs=0.03)


def test_growth_counts_late_items_that_nobody_had_sent() -> None:
    early = np.arange(40).reshape(10, 4)
    late = np.concatenate([early[:, :1], early[:, :3] + 1_000], axis=1)
    focus = assemble(Sheet(flat(10, 8), bodies=list(np.concatenate([early, late], axis=1))), members=10)
    assert _value("coverage_growth", focus) == pytest.approx(30 / 40)


@pytest.mark.parametrize(("family", "name"), [(Family.PAYMENT, "shared_payment"), (Family.NETWORK, "shared_network")])
def test_sharing_counts_members_tied_to_a_stranger(family: Family, name: str) -> None:
    focus = cards(family, per_value=4)
    few = focus.only(np.arange(40) % 4 != 3)  # 30 members, still three to a card
    one = focus.only(np.arange(40) % 4 == 0)  # nobody left to share with inside the group
    chance = 40 / 100 * (1 - (1 - 3 * 29 / 100))  # 40 of 100 accounts have a card of four; 29 others to meet
    assert _value(name, few) == pytest.approx(1 - chance)
    assert _value(name, one) == 0.0


def test_a_whole_card_is_one_draw_for_the_error() -> None:
    pairs, tens = cards(Family.PAYMENT, 2), cards(Family.PAYMENT, 10)
    half = np.arange(40) < 20
    extra = np.arange(40) % 10 == 0  # single members of other tens: tied to nobody in the group
    wide = BY_NAME["shared_payment"].measure(tens.only(half | extra))
    narrow = BY_NAME["shared_payment"].measure(pairs.only(half | (np.arange(40) % 2 == 0)))
    assert wide is not None
    assert narrow is not None
    assert wide.error > 1.2 * narrow.error


def test_colleagues_do_not_tie_each_other() -> None:
    focus = cards(Family.PAYMENT, per_value=4)
    accounts = focus.population.accounts
    firm = replace(accounts, unit=np.where(np.arange(100) < 40, np.arange(100) // 4, np.arange(100)))
    population = replace(focus.population, accounts=firm)
    measured = BY_NAME["shared_payment"].measure(cut(population, focus.members, focus.templates))
    assert measured is None or measured.value == 0.0


def test_one_customer_is_the_smaller_of_card_and_network() -> None:
    assert _value("one_customer", customer(per_value=40)) == 1.0
    assert _value("one_customer", customer(per_value=8)) == pytest.approx(0.2)
    assert _value("one_customer", cards(Family.PAYMENT, per_value=20)) == pytest.approx(0.5)


def test_configuration_is_the_lift_over_everybody() -> None:
    # all forty members, and nobody else of the hundred, use one configuration
    assert _value("one_configuration", cards(Family.CONTENT, per_value=40)) == pytest.approx(1.0)
    # half of them do: (.5 - .2) / (1 - .2)
    assert _value("one_configuration", cards(Family.CONTENT, per_value=20)) == pytest.approx(0.375)


def test_standing_is_the_share_of_verified_members() -> None:
    assert _value("standing", standing(share=0.25)) == 0.25


def test_an_open_programme_vouches_for_nobody() -> None:
    focus = standing(share=0.5)
    accounts = replace(focus.population.accounts, programme=["education"] * 40 + ["none"] * 60)
    population = replace(focus.population, accounts=accounts)
    assert _value("standing", cut(population, focus.members, focus.templates)) == 0.0


def test_the_pivot_is_the_difference_to_everybody_else() -> None:
    assert _value("joint_pivot", pivoting(seed=3, share=0.9)) == pytest.approx(0.8, abs=0.03)


def test_launches_are_models_that_came_later() -> None:
    population = pivoting(seed=3, share=0.9).population
    assert launches(population) == [("new", 4)]
    account, day, n, first = population.model_days["new"]
    old = {"old": ModelDays(account, day * 0, n, first * 0), **population.model_days}
    assert launches(replace(population, model_days=old)) == [("new", 4)]


def test_single_turn_weighs_members_by_what_they_sent() -> None:
    focus = assemble(Sheet(flat(40), single=0.25))
    content = focus.population.content
    single = np.where(content.account < 10, content.n, 0)
    population = replace(focus.population, content=replace(content, single_turn=single))
    assert _value("single_turn", cut(population, focus.members, focus.templates)) == pytest.approx(0.25)


def test_elicitation_is_a_share_of_what_was_classified() -> None:
    assert _value("elicitation", assemble(Sheet(flat(40), elicited=0.5))) == pytest.approx(0.5)


def test_grading_now_and_then_is_no_grading() -> None:
    assert BY_NAME["grader_shape"].measure(assemble(Sheet(flat(40), graded=0.125))) is None
    assert _value("grader_shape", assemble(Sheet(flat(40), graded=0.5))) == pytest.approx(0.5)


def test_a_deal_in_equal_parts_has_no_spread() -> None:
    assert _value("load_balance", assemble(Sheet(flat(40)))) == 0.0


@pytest.mark.parametrize("name", ["one_subject", "pooled_mmd"])
@pytest.mark.parametrize("share", [0.0, 0.36, 1.0])
def test_likeness_is_the_part_of_a_subject_that_is_common(name: str, share: float) -> None:
    focus = assemble(Sheet(flat(600), features=_partly(share)))
    assert _value(name, focus) == pytest.approx(share, abs=0.05)


def _partly(share: float) -> list[Float]:
    """Noiseless subjects of six hundred accounts: forty members have ``share`` of their squared length in common."""
    axes = np.eye(FEATURE_DIM)
    rng = np.random.default_rng(5)
    out = []
    for account in range(600):
        own = rng.normal(size=FEATURE_DIM)
        own -= own @ axes[0] * axes[0]
        centre = np.sqrt(share) * axes[0] + np.sqrt(1 - share) * own / np.linalg.norm(own)
        out.append(np.tile(centre if account < 40 else own / np.linalg.norm(own), (EACH, 1)))
    return out


@pytest.mark.parametrize("alike", [0, 10, 40])
def test_shape_is_a_ratio_of_similarities(alike: int) -> None:
    rng = np.random.default_rng(4)
    sizes = rng.permutation(np.arange(400) % 16)
    sizes[:alike] = 3
    focus = assemble(Sheet(flat(400), sizes=sizes))
    same = sizes[:40, None] == sizes[None, :40]
    across = (same.sum() - 40) / (40 * 39)
    base = float((np.bincount(sizes, minlength=16) ** 2).sum()) / 400**2
    assert _value("one_shape", focus) == pytest.approx((across - base) / (1 - base))


# --- what must not matter -------------------------------------------------------------------------------------

Change = Callable[[Focus], Focus]


def _permuted(focus: Focus) -> Focus:
    """The same people under other numbers."""
    population = focus.population
    place = np.random.default_rng(8).permutation(population.size)
    return cut(_renumbered(population, place), np.sort(place[focus.members]), focus.templates)


def _renumbered(population: Population, place: Int) -> Population:
    old = np.argsort(place)
    accounts, traits = population.accounts, population.traits
    kinds = np.repeat(np.arange(len(traits.kinds)), np.diff(traits.starts))
    order = np.lexsort((place[traits.account], traits.value, kinds))
    activity = np.lexsort((population.activity_hour, place[population.activity_account]))
    return replace(
        population,
        accounts=replace(
            accounts,
            unit=accounts.unit[old],
            verified=accounts.verified[old],
            created_us=accounts.created_us[old],
            n=accounts.n[old],
            programme=[accounts.programme[i] for i in old.tolist()],
        ),
        content=_content(population.content, place),
        pools=_pools(population.pools, place),
        traits=replace(
            traits,
            value=traits.value[order],
            account=place[traits.account][order],
            degree=traits.degree[order],
            n=traits.n[order],
            first_us=traits.first_us[order],
        ),
        activity_account=place[population.activity_account][activity],
        activity_hour=population.activity_hour[activity],
        activity_n=population.activity_n[activity],
        model_days={name: ModelDays(place[a], d, n, f) for name, (a, d, n, f) in population.model_days.items()},
    )


def _content(content: Content, place: Int) -> Content:
    account = place[content.account]
    order = np.lexsort((content.hour, account, content.template))
    return Content(
        content.template[order], account[order], content.hour[order], content.n[order], content.single_turn[order]
    )


def _pools(pools: Pools, place: Int) -> Pools:
    account = place[pools.account]
    order = np.lexsort((pools.day, account, pools.template))
    parts = [slice(pools.offsets[row], pools.offsets[row + 1]) for row in order.tolist()]
    names = ("template", "day", "n", "single_turn", "grader", "output_tokens", "features", "shape", "capabilities")
    return replace(
        pools,
        account=account[order],
        **{name: getattr(pools, name)[order] for name in (*names, "elicitations")},
        offsets=np.concatenate(([0], np.cumsum(np.diff(pools.offsets)[order]))),
        bodies=np.concatenate([pools.bodies[part] for part in parts]),
        body_n=np.concatenate([pools.body_n[part] for part in parts]),
    )


def _later(focus: Focus) -> Focus:
    """The same log two weeks later (whole weeks, so that weekdays and parities stay)."""
    population = focus.population
    content = replace(population.content, hour=population.content.hour + 336)
    models = {
        name: ModelDays(a, d + 14, n, f + 14 * 86_400_000_000) for name, (a, d, n, f) in population.model_days.items()
    }
    moved = replace(
        population,
        content=content,
        pools=replace(population.pools, day=population.pools.day + 14),
        activity_hour=population.activity_hour + 336,
        model_days=models,
    )
    return cut(moved, focus.members, focus.templates)


def _with_cover(focus: Focus) -> Focus:
    """Every member also sends something else, on a template that is not focal."""
    population = focus.population
    content, pools, members = population.content, population.pools, focus.members
    ones = np.ones(len(members), np.int64)
    more = Content(
        np.concatenate([content.template, 2 * ones]),
        np.concatenate([content.account, members]),
        np.concatenate([content.hour, int(content.hour.min()) * ones]),
        np.concatenate([content.n, 50 * ones]),
        np.concatenate([content.single_turn, 0 * ones]),
    )
    templates = np.append(population.templates, 2)
    covered = replace(
        population, content=more, templates=templates, sentences=[*population.sentences, np.zeros(0, np.int64)]
    )
    assert len(pools.n) == len(covered.pools.n)
    return cut(covered, members, focus.templates)


@signals
@pytest.mark.parametrize("change", [_permuted, _later, _with_cover], ids=lambda change: change.__name__.strip("_"))
def test_what_must_not_matter_does_not(signal: Signal, change: Change) -> None:
    for focus in signal.examples():
        before, after = signal.measure(focus), signal.measure(change(focus))
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after.value == pytest.approx(before.value, abs=1e-6)
            assert after.error == pytest.approx(before.error, rel=1e-5)


@signals
def test_twice_the_volume_does_not_turn_a_verdict(signal: Signal) -> None:
    """Everybody sends everything twice: the campaign still weighs more, and no sign turns."""
    campaign, honest = ((signal.measure(focus), signal.measure(_doubled(focus))) for focus in signal.examples())
    assert _weight(signal, campaign[1]) > _weight(signal, honest[1])
    for before, after in (campaign, honest):
        assert _weight(signal, before) * _weight(signal, after) >= 0


def _weight(signal: Signal, measured: Measurement | None) -> float:
    return 0.0 if measured is None else weigh(measured, signal.prior, signal.alternative)


def _doubled(focus: Focus) -> Focus:
    population = focus.population
    content, pools = population.content, population.pools
    twice = replace(
        population,
        accounts=replace(population.accounts, n=2 * population.accounts.n),
        content=replace(content, n=2 * content.n, single_turn=2 * content.single_turn),
        pools=replace(
            pools,
            n=2 * pools.n,
            single_turn=2 * pools.single_turn,
            grader=2 * pools.grader,
            features=2 * pools.features,
            shape=2 * pools.shape,
            elicitations=2 * pools.elicitations,
        ),
        activity_n=2 * population.activity_n,
        model_days={name: ModelDays(a, d, 2 * n, f) for name, (a, d, n, f) in population.model_days.items()},
    )
    return cut(twice, focus.members, focus.templates)


def test_strangers_have_no_subject_in_common_whatever_the_corpus_size() -> None:
    assert (
        _value("one_subject", subjects(seed=31, own=True)) < 0.1 < 0.9 < _value("one_subject", subjects(31, own=False))
    )
