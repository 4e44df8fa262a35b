"""Planted groups are found whole; worlds without one report none; q-values are what they say."""

import numpy as np
import pytest
from scipy.stats import binom

from spiritsafe.detection.links.significance import linked_groups, q_values
from spiritsafe.detection.population import Int
from tests.detection.links.worlds import Rows, chance, overlap, planted, population

FDR = 0.05


def _reported(accounts: int, rows: Rows, seed: int = 0) -> list[Int]:
    found = linked_groups(population(accounts, rows), 3, seed, 5_000)
    return [group.members for group in found if group.q_value <= FDR]


def _null(seed: int) -> tuple[int, Rows]:
    """Everybody alike, or everybody with a volume of his own and values as popular as Zipf's words."""
    if seed % 2:
        return 300, chance(300, {"network": 600, "payment": 250, "mine": 40}, seed)
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(300), np.minimum(rng.zipf(1.8, 300), 20))
    values = {"network": np.minimum(rng.zipf(1.5, len(who)), 10**6), "payment": rng.integers(0, 500, len(who))}
    return 300, {family: (who, value) for family, value in values.items()}


def test_worlds_without_a_group_report_one_no_oftener_than_stated() -> None:
    runs = 30
    wrong = sum(bool(_reported(*_null(seed), seed=seed)) for seed in range(runs))
    assert wrong <= binom.ppf(0.999, runs, FDR)  # at most 6 of 30 by chance, one time in a thousand more


def _example(seed: int = 0) -> Rows:
    rng, group = np.random.default_rng(seed), np.arange(60)
    rows = {**chance(1_000, {"network": 3_000, "mine": 100}, seed), "payment": (np.arange(1_000), np.arange(1_000))}
    rows = planted(rows, "payment", group, group // 6)
    return planted(rows, "network", group, rng.integers(0, 5, 60))


def test_a_noisy_family_of_ones_own_does_not_hide_sixty_accounts() -> None:
    (members,) = _reported(1_000, _example())
    assert members.tolist() == list(range(60))


def test_bits_are_the_sum_of_the_evidence_and_name_only_what_ties() -> None:
    (group,) = linked_groups(population(1_000, _example()), 3, 0, 5_000)
    assert {item.signal for item in group.evidence} == {"rare_payment", "rare_network", "groups_looked_at"}
    assert group.bits == pytest.approx(sum(item.weight_bits for item in group.evidence))
    assert group.evidence[-1].weight_bits < 0
    assert "60 of the 60 links of 10 payment values" in next(e.detail for e in group.evidence if e.family == "payment")


@pytest.mark.parametrize(("size", "values"), [(5, (1, 1)), (20, (4, 3)), (40, (8, 10)), (120, (30, 1))])
def test_planted_groups_are_found_whole_and_apart(size: int, values: tuple[int, int]) -> None:
    rng, accounts, count = np.random.default_rng(size), 1_500, 4
    rows: Rows = chance(accounts, {"network": 5_000, "payment": 6_000, "mine": 120}, size)
    truth = np.sort(rng.permutation(accounts)[: count * size].reshape(count, size))
    for family, some in zip(("payment", "network"), values, strict=True):
        drawn = np.concatenate([i * 1_000 + rng.integers(0, some, size) for i in range(count)])
        rows = planted(rows, family, truth.ravel(), drawn)
    found = linked_groups(population(accounts, rows), 3, 0, 5_000)
    found = [group for group in found if group.q_value <= FDR]
    assert len(found) == count
    for members in truth:
        assert max(min(overlap(group, members)) for group in found) >= 0.95


def test_groups_that_share_members_are_kept_apart() -> None:
    rng = np.random.default_rng(3)
    rows = chance(1_500, {"network": 5_000, "payment": 6_000, "device": 5_000}, 3)
    truth = [np.arange(40), np.arange(32, 72)]
    for i, members in enumerate(truth):
        for family, some in (("network", 4), ("payment", 6), ("device", 8)):
            who, value = rows[family]
            fresh = 10**6 * (i + 1) + rng.integers(0, some, 40)
            rows[family] = np.concatenate([who, members]), np.concatenate([value, fresh])
    found = linked_groups(population(1_500, rows), 3, 0, 5_000)
    assert len(found) == 2
    for members in truth:
        assert max(min(overlap(group, members)) for group in found) >= 0.9


def test_a_pool_of_addresses_in_one_family_is_enough() -> None:
    rows = chance(1_000, {"network": 20_000}, 5, each=4)
    who, value = rows["network"]
    pool = 10**6 + np.random.default_rng(5).integers(0, 12, 100)
    rows["network"] = np.concatenate([who, np.repeat(np.arange(25), 4)]), np.concatenate([value, pool])
    (members,) = _reported(1_000, rows)
    assert members.tolist() == list(range(25))


def test_names_of_values_and_order_of_rows_do_not_matter() -> None:
    rows = _example()
    rng = np.random.default_rng(7)
    other = {}
    for family, (who, value) in rows.items():
        order = rng.permutation(len(who))
        other[family] = who[order], rng.permutation(10**4)[value[order]]
    one, two = (linked_groups(population(1_000, some), 3, 0, 5_000) for some in (rows, other))
    assert [(g.members.tolist(), g.evidence, g.q_value) for g in one] == [
        (g.members.tolist(), g.evidence, g.q_value) for g in two
    ]


@pytest.mark.parametrize("links", [1, 10**9])
def test_communities_by_moving_find_what_leiden_finds(links: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds of any size are searched alike: the threshold between the two ways moves no group."""
    monkeypatch.setattr("spiritsafe.detection.links.proposals.MANY_LINKS", links)
    rng, accounts, size, count = np.random.default_rng(4), 1_500, 25, 5
    rows: Rows = chance(accounts, {"network": 5_000, "payment": 6_000, "device": 4_000}, 4)
    truth = np.sort(rng.permutation(accounts)[: count * size].reshape(count, size))
    for family, some in (("payment", 4), ("network", 3)):
        drawn = np.concatenate([i * 1_000 + rng.integers(0, some, size) for i in range(count)])
        rows = planted(rows, family, truth.ravel(), drawn)
    found = [g for g in linked_groups(population(accounts, rows), 3, 0, 5_000) if g.q_value <= FDR]
    assert sorted(g.members.tolist() for g in found) == sorted(truth.tolist())


def test_worlds_without_a_group_report_none_by_moving_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spiritsafe.detection.links.proposals.MANY_LINKS", 1)
    runs = 30
    wrong = sum(bool(_reported(*_null(seed), seed=seed)) for seed in range(runs))
    assert wrong <= binom.ppf(0.999, runs, FDR)


def test_strata_explain_sharing_within_them() -> None:
    """A campus's accounts share its offices' addresses and printers: no group, once the campus is known."""
    who, rng = np.arange(1_000), np.random.default_rng(1)
    campus = (who < 100).astype(np.int64)
    rows = {
        family: (who, np.where(campus, rng.integers(0, 8, 1_000), 100 + rng.integers(0, 3_000, 1_000)))
        for family in ("network", "device")
    }
    some = population(1_000, rows)
    assert any(group.q_value <= FDR for group in linked_groups(some, 3, 0, 5_000))
    assert not any(group.q_value <= FDR for group in linked_groups(some, 3, 0, 5_000, campus))


def test_a_decoy_as_strong_as_a_group_takes_its_credit() -> None:
    bits = np.array([30.0, 20.0, 10.0])
    assert (q_values(bits, np.zeros(0), 9) <= 2.0**-10).all()
    assert q_values(bits, np.array([25.0]), 9).tolist() == pytest.approx([2.0**-30, 1 / 27, 1 / 27])
