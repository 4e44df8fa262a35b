"""Verdicts on outcomes whose figures are known."""

import pytest

from measure.trial import Outcome
from measure.verdicts import Verdict, verdicts
from spiritsafe.model.words import Tier
from spiritsafe.simulation.evaluation import CampaignScore, CohortScore, Evaluation, ReportedScore, TierScore


def outcome(
    experiment: str,
    *,
    recalls: tuple[float, ...] = (),
    wrong: int = 0,
    pure: tuple[float, ...] = (),
    seed: int = 1_000,
    shells: str = "0",
    cohort: str = "humans",
) -> Outcome:
    found = sum(round(recall * 60) for recall in recalls)
    campaigns = [
        CampaignScore(
            campaign=f"c{place}", members=60, found=recall >= 0.5, recall=recall, largest=recall, tier=None,
            leaked=None, leaked_output_tokens=None,
        )
        for place, recall in enumerate(recalls)
    ]  # fmt: skip
    reported = [
        ReportedScore(id=str(n), tier=Tier.CONFIRMED, accounts=10, campaign=None, purity=p) for n, p in enumerate(pure)
    ]
    honest = CohortScore(
        cohort=cohort, accounts=1_000, linked=wrong, suspected=wrong, confirmed=0, suspected_upper=1.0,
        confirmed_upper=1.0,
    )  # fmt: skip
    tier = TierScore(tier=Tier.SUSPECTED, accounts=found + wrong, positives=found, precision=None)
    share = sum(recalls) / len(recalls) if recalls else None
    evaluation = Evaluation(
        campaigns=campaigns, found=0, recall=share, precision=None, tiers=[tier], cohorts=[honest], reported=reported,
        unlabelled=0,
    )  # fmt: skip
    return Outcome(
        experiment=experiment, name=str(seed), seed=seed, identity="", code="", factors={"": {"shells": shells}},
        exchanges=1, accounts=1, simulate_s=0, scan_s=0, evaluation=evaluation,
    )  # fmt: skip


def verdict_of(outcomes: list[Outcome], words: str) -> Verdict:
    (row,) = (row for row in verdicts(outcomes) if words in row.quantity)
    return row.verdict


@pytest.mark.parametrize(("recalls", "expected"), [((1.0, 1.0, 1.0), Verdict.MET), ((1.0, 1.0, 0.8), Verdict.MISSED)])
def test_the_worst_world_of_the_peers_decides(recalls: tuple[float, ...], expected: Verdict) -> None:
    worlds = [outcome("peers", recalls=(1.0, 1.0, 1.0)), outcome("peers", recalls=recalls, seed=1_001)]
    assert verdict_of(worlds, "worst world") is expected


def test_a_single_honest_account_acted_on_misses_the_target() -> None:
    assert verdict_of([outcome("peers", recalls=(1.0,))], "acted on") is Verdict.MET
    assert verdict_of([outcome("peers", recalls=(1.0,), wrong=1)], "acted on") is Verdict.MISSED


def test_few_campaigns_prove_nothing_and_many_do() -> None:
    few, many = ([outcome("shared", recalls=(1.0,), seed=2_000 + n) for n in range(count)] for count in (10, 100))
    assert verdict_of(few, "campaigns found") is Verdict.UNPROVED
    assert verdict_of(many, "campaigns found") is Verdict.MET


def test_a_cohort_needs_three_thousand_clean_accounts() -> None:
    worlds = [outcome("lookalikes", seed=5_000 + n) for n in range(3)]
    assert verdict_of(worlds[:2], "worst cohort") is Verdict.UNPROVED
    assert verdict_of(worlds, "worst cohort") is Verdict.MET
    assert verdict_of([*worlds, outcome("lookalikes", wrong=5, seed=5_009)], "worst cohort") is Verdict.MISSED


def test_shells_are_compared_with_the_same_seed_without_them() -> None:
    worlds = [
        outcome("framed", recalls=(recall - 0.1 * (shells == "30"),), seed=seed, shells=shells, cohort="framed")
        for seed, recall in ((6_000, 1.0), (6_001, 0.5))
        for shells in ("0", "30")
    ]
    (fall,) = (row for row in verdicts(worlds) if row.quantity.startswith("fall"))
    assert fall.value == pytest.approx(0.1)
    assert fall.trials == 2
    assert fall.verdict is Verdict.MISSED
    assert verdict_of(worlds, "victims") is Verdict.MET


def test_false_discoveries_are_judged_against_the_nominal_rate() -> None:
    clean = [outcome("shared", recalls=(1.0,), pure=(1.0,) * 20)]
    foul = [outcome("shared", recalls=(1.0,), pure=(1.0, 0.2, 0.1))]
    assert verdict_of(clean, "campaigns confirmed") is Verdict.MET
    assert verdict_of(foul, "campaigns confirmed") is Verdict.MISSED
