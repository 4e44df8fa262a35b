"""What members share becomes traits: rare values that several have, never an exit, and the heaviest of them."""

from pathlib import Path

import pytest

from spiritsafe.engine.store import Store
from spiritsafe.model.words import TraitKind
from spiritsafe.pipeline.recognition import shared_traits, weight_bits
from spiritsafe.policy.lines import Trait
from tests.pipeline.stores import ACCOUNTS, MEMBERS, Told, account, store_with

CAMPAIGN = {"c-1": [account(number) for number in range(MEMBERS)]}


def found(folder: Path, told: Told, addresses: Told | None = None, exits: tuple[int, ...] = ()) -> list[Trait]:
    store_with(folder, told, addresses=addresses, exits=exits)
    with Store.open(folder, read_only=True) as store, store.snapshot() as snapshot:
        return shared_traits(snapshot, CAMPAIGN)


def test_what_several_members_share_and_few_others_have(tmp_path: Path) -> None:
    (trait,) = found(tmp_path, {(TraitKind.PAYMENT, -2): range(4)})
    assert trait == Trait(
        kind=TraitKind.PAYMENT,
        value="fffffffffffffffe",
        campaign="c-1",
        weight_bits=round(weight_bits(4, MEMBERS, 4, ACCOUNTS), 3),
    )


def test_a_value_seen_on_several_days_counts_once_per_account(tmp_path: Path) -> None:
    assert found(tmp_path, {(TraitKind.DEVICE, 7): range(2)}) == []


def test_columns_that_carry_traits_are_read(tmp_path: Path) -> None:
    (trait,) = found(tmp_path, {(TraitKind.IP, 9): range(2)}, {(TraitKind.IP, 9): range(1, 3)})
    assert (trait.kind, trait.value) == (TraitKind.IP, "0000000000000009")
    assert trait.weight_bits == round(weight_bits(3, MEMBERS, 3, ACCOUNTS), 3)


@pytest.mark.parametrize(
    ("kind", "holders"),
    [
        (TraitKind.PAYMENT, range(ACCOUNTS)),  # everybody's
        (TraitKind.PAYMENT, range(100, 200)),  # strangers'
        (TraitKind.END_USER, range(4)),  # nothing that a sign-up shows
        (TraitKind.USER_AGENT, range(4)),
        (TraitKind.EMAIL_DOMAIN, range(18, 38)),  # two members
        (TraitKind.EMAIL_DOMAIN, [*range(10), 500, 501]),  # a provider's
    ],
)
def test_what_says_nothing_of_a_member(kind: TraitKind, holders: "range | list[int]", tmp_path: Path) -> None:
    assert found(tmp_path, {(kind, 5): holders}) == []


def test_a_domain_that_hardly_a_stranger_has(tmp_path: Path) -> None:
    (trait,) = found(tmp_path, {(TraitKind.EMAIL_DOMAIN, 5): [*range(10), 500]})
    assert trait.kind is TraitKind.EMAIL_DOMAIN


def test_shared_exits_never_count(tmp_path: Path) -> None:
    told: Told = {(TraitKind.SIGNUP_IP, 5): range(4), (TraitKind.SIGNUP_IP, 6): range(4)}
    (trait,) = found(tmp_path, told, {(TraitKind.IP, 5): range(5)}, exits=(5,))
    assert trait.value == f"{6:016x}"


def test_the_heaviest_are_kept(tmp_path: Path) -> None:
    told: Told = {(TraitKind.DEVICE, n): range(3 + (n < 10)) for n in range(1, 250)}
    traits = found(tmp_path, told)
    assert len(traits) == 200
    assert {int(trait.value, 16) for trait in traits[:9]} == set(range(1, 10))
    weights = [trait.weight_bits for trait in traits]
    assert weights == sorted(weights, reverse=True)


def test_no_campaign_no_traits(tmp_path: Path) -> None:
    store_with(tmp_path, {(TraitKind.PAYMENT, 5): range(4)})
    with Store.open(tmp_path, read_only=True) as store, store.snapshot() as snapshot:
        assert shared_traits(snapshot, {}) == []
        assert shared_traits(snapshot, {"c": []}) == []
