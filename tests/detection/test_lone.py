"""A lone heavy extractor is found; a heavy honest harness is not."""

from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.lone import THRESHOLD_BITS, lone_extractors, measure
from spiritsafe.model.findings import AccountFinding, total_bits
from spiritsafe.model.words import Elicitation, Tier
from tests.detection.logs import DAYS, Account, Log, Sent, own_traits, town

TOTAL = 4_000


def _with(hours: np.ndarray, body: np.ndarray, asks: Elicitation) -> Log:
    log = town(1, honest=120, harvesters=0)
    account = Account("x", traits=own_traits("x"))
    return replace(
        log, accounts=[*log.accounts, account], sent=[*log.sent, Sent("x", "t", hours, body, "x", asks=asks)]
    )


def _late(total: int = TOTAL) -> np.ndarray:
    return np.sort(np.random.default_rng(2).integers(DAYS * 12, DAYS * 24, total))


def _steady(total: int = TOTAL) -> np.ndarray:
    return np.sort(np.random.default_rng(2).integers(0, DAYS * 24, total))


FRESH = np.arange(TOTAL) + 10**6
ITEMS = np.arange(TOTAL) % 250 + 10**6


def _found(log: Log) -> list[AccountFinding]:
    return lone_extractors(log.population())


def test_a_sudden_heavy_extraction_of_reasoning_is_found() -> None:
    (finding,) = _found(_with(_late(), FRESH, Elicitation.CHAIN_OF_THOUGHT))
    assert finding.account_id == "x"
    assert finding.tier is Tier.SUSPECTED
    assert finding.campaign is None
    assert finding.score_bits == total_bits(finding.evidence) >= THRESHOLD_BITS
    assert all(item.weight_bits > 0 and 0 <= item.p_value <= 1 for item in finding.evidence)


@pytest.mark.parametrize(
    ("hours", "body", "asks"),
    [
        (_steady(), ITEMS, Elicitation.CHAIN_OF_THOUGHT),
        (_late(), ITEMS, Elicitation.CHAIN_OF_THOUGHT),
        (_steady(), FRESH, Elicitation.CHAIN_OF_THOUGHT),
        (_late(), FRESH, Elicitation.NONE),
        (_late(40), FRESH[:40], Elicitation.CHAIN_OF_THOUGHT),
    ],
    ids=["a harness run daily", "a harness run late", "an old customer", "an import of documents", "an experiment"],
)
def test_honest_heavy_use_is_not(hours: np.ndarray, body: np.ndarray, asks: Elicitation) -> None:
    assert _found(_with(hours, body, asks)) == []


def test_whoever_is_vouched_for_is_not_asked() -> None:
    log = _with(_late(), FRESH, Elicitation.CHAIN_OF_THOUGHT)
    assert _found(log.with_accounts(x={"organisation": "known", "verification": "organisation"})) == []


def test_a_log_without_text_convicts_nobody() -> None:
    population = _with(_late(), FRESH, Elicitation.CHAIN_OF_THOUGHT).population()
    pools = population.pools
    blind = replace(pools, elicitations=0 * pools.elicitations, body_n=0 * pools.body_n)
    assert lone_extractors(replace(population, pools=blind)) == []


def test_ordinary_people_are_no_extractors() -> None:
    assert _found(town(2)) == []
    assert lone_extractors(Log([], []).population()) == []


def test_what_is_measured_by_hand() -> None:
    log = _with(_late(), FRESH, Elicitation.CHAIN_OF_THOUGHT)
    population = log.population()
    seen = measure(population)
    row = seen.who.tolist().index(population.accounts.ids.index("x"))
    assert seen.material[row] == seen.novelty[row] == seen.single[row] == 1.0
    assert seen.surge[row] == pytest.approx(np.log2((TOTAL / (DAYS / 2) + 0.5) / 0.5))
