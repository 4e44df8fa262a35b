"""Every signal's examples: what a person is shown must be what the signal does."""

import numpy as np
import pytest

from spiritsafe.detection.calibration import normal_p, weigh
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals import SIGNALS, Signal

signals = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)


def _bits(signal: Signal, focus: Focus) -> float:
    measured = signal.measure(focus)
    return 0.0 if measured is None else weigh(measured, signal.prior, signal.alternative)


@signals
def test_the_campaign_weighs_more_than_the_honest_group(signal: Signal) -> None:
    campaign, honest = signal.examples()
    assert _bits(signal, campaign) > _bits(signal, honest)


@signals
def test_a_measurement_is_finite_and_says_what_it_saw(signal: Signal) -> None:
    measured = signal.measure(signal.examples()[0])
    assert measured is not None
    assert np.isfinite([measured.value, measured.error]).all()
    assert measured.error > 0
    assert any(character.isdigit() for character in measured.detail)
    assert 0 <= normal_p(measured, signal.prior, signal.alternative) <= 1


@signals
def test_examples_are_the_same_every_time(signal: Signal) -> None:
    first, second = signal.examples()[0], signal.examples()[0]
    assert signal.measure(first) == signal.measure(second)


@signals
def test_the_constants_make_sense(signal: Signal) -> None:
    assert signal.prior.sd > 0
    assert signal.alternative.sd > 0
    assert signal.alternative.floor <= 0 <= signal.alternative.cap
    assert signal.prior.mean != signal.alternative.mean


def test_names_are_unique() -> None:
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)


@signals
def test_a_group_without_focal_exchanges_is_no_evidence_for_a_campaign(signal: Signal) -> None:
    campaign, _ = signal.examples()
    nothing = campaign.between(0).between(1)
    measured = signal.measure(nothing)
    if measured is not None:  # who the members are is known without a single exchange
        assert signal.family.is_infrastructure or signal.name in {
            "one_configuration", "joint_pivot", "standing", "one_customer",
        }  # fmt: skip
