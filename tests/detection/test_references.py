"""Who may show what honest groups look like, and that nobody testifies in his own case."""

from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.population import Population
from spiritsafe.detection.references import References, reference_organisations
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.detection.synthetic import cards
from spiritsafe.engine.tables import DAY_US
from spiritsafe.model.words import Family
from tests.detection.logs import FIRST_DAY, Log, town

ADAPTIVE = next(column for column, signal in enumerate(SIGNALS) if signal.name == "one_subject")


def _firms(log: Log, population: Population) -> set[str | None]:
    units = reference_organisations(population)
    return {
        name for name, unit in zip(population.accounts.organisation, population.accounts.unit, strict=True)
        if unit in units
    }  # fmt: skip


def test_verified_and_aged_organisations_are_references(log: Log, population: Population) -> None:
    assert _firms(log, population) == {"firm-0", "firm-1", "firm-2", "firm-3"}


@pytest.mark.parametrize(
    "change",
    [
        {"created_us": (FIRST_DAY - 2) * DAY_US},
        {"created_us": 0},
        {"verification": "payment"},
        {"programme": "licensed_distillation"},
        {"organisation": None},
    ],
    ids=["young", "of unknown age", "unverified", "licensed", "not an organisation"],
)
def test_whoever_cannot_testify_is_left_out(change: dict[str, object]) -> None:
    # one account's word decides about its organisation where it taints, all of them where it qualifies
    small = town(honest=0, harvesters=0)
    firm = [account.name for account in small.accounts if account.organisation == "firm-2"]
    tainted = firm[:1] if "programme" in change else firm
    changed = small.with_accounts(**dict.fromkeys(tainted, change))
    assert _firms(changed, changed.population()) == {"firm-0", "firm-1", "firm-3"}


def test_four_accounts_are_too_few() -> None:
    small = town(honest=0, harvesters=0)
    gone = {"o00", "o01"}
    fewer = replace(small, accounts=[a for a in small.accounts if a.name not in gone],
                    sent=[part for part in small.sent if part.account not in gone])  # fmt: skip
    assert "firm-0" not in _firms(fewer, fewer.population())


def _planted(honest: int, planted: int) -> References:
    values = np.full((honest + planted, len(SIGNALS)), 0.3)
    values[honest:] = 1.0
    errors = np.full(values.shape, 0.05)
    return References(np.arange(honest + planted), values, errors, (None,) * len(SIGNALS))


def test_a_group_is_judged_without_its_own_organisations() -> None:
    references = _planted(honest=9, planted=6)
    signal = SIGNALS[ADAPTIVE]
    stretched = references.null(ADAPTIVE, signal, np.array([999]))
    without = references.null(ADAPTIVE, signal, np.arange(9, 15))
    assert stretched.groups == 15
    assert without.groups == 9
    assert without == _planted(honest=9, planted=0).null(ADAPTIVE, signal, np.array([999]))


def test_a_fifth_of_shell_organisations_hardly_moves_the_null() -> None:
    signal = SIGNALS[ADAPTIVE]
    before = _planted(honest=40, planted=0).null(ADAPTIVE, signal, np.array([999]))
    after = _planted(honest=32, planted=8).null(ADAPTIVE, signal, np.array([999]))
    assert abs(after.mean - before.mean) < 0.05


def test_the_null_that_leaves_less_evidence_is_taken(population: Population) -> None:
    references = References.measure(population, SIGNALS, seed=0)
    nobody = np.array([10**6])
    for column, signal in enumerate(SIGNALS):
        null, strangers = references.null(column, signal, nobody), references.strangers[column]
        if not signal.adaptive:
            assert null == signal.prior
        elif strangers is not None:
            towards = np.sign(signal.alternative.mean - strangers.mean)
            assert (null.mean - strangers.mean) * towards >= -1e-9


def test_measuring_twice_gives_the_same_nulls(population: Population) -> None:
    first, second = (References.measure(population, SIGNALS, seed=3) for _ in range(2))
    assert np.array_equal(first.values, second.values, equal_nan=True)
    assert first.strangers == second.strangers


def test_without_references_and_strangers_the_prior_is_used() -> None:
    population = cards(Family.PAYMENT, 1).only(np.arange(40) < 5).population
    few = References.measure(population, SIGNALS, seed=0)
    assert not len(few.units)
    alone = References(few.units, few.values, few.errors, (None,) * len(SIGNALS))
    assert [alone.null(c, s, np.array([0])) for c, s in enumerate(SIGNALS)] == [s.prior for s in SIGNALS]
