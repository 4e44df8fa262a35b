"""Every number of detection is found, can be turned, has an effect where it is read, and is as it was afterwards."""

import importlib
from dataclasses import fields

from measure.knobs import NOT_TURNED, SETTINGS, Knob, knobs, turned
from spiritsafe.detection import campaigns, membership, scoring
from spiritsafe.detection.links import rarity
from spiritsafe.detection.signals import SIGNALS, sharing
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Family

EVERY = knobs()


def _one(label: str, told: str = "x 2") -> Knob:
    return next(knob for knob in EVERY if knob.label == label and knob.told == told)


def test_every_setting_is_turned() -> None:
    turned_ones = {knob.name for knob in EVERY if knob.module == SETTINGS}
    assert turned_ones == set(DetectionSettings.model_fields) - {"seed"}


def test_every_signal_is_turned() -> None:
    assert {knob.name.partition(".")[0] for knob in EVERY if knob.module == "signals"} == {s.name for s in SIGNALS}


def test_what_is_left_alone_exists() -> None:
    for name in NOT_TURNED:
        module, _, constant = name.rpartition(".")
        if constant.isupper() or constant.startswith("_"):
            assert hasattr(importlib.import_module(f"spiritsafe.detection.{module}"), constant), name
        elif name != "settings.seed":
            importlib.import_module(f"spiritsafe.detection.{name}")


def test_every_knob_is_another_value_of_its_own() -> None:
    assert all(knob.now != knob.was for knob in EVERY)
    assert len({(knob.label, knob.told) for knob in EVERY}) == len(EVERY)
    assert [field.name for field in fields(Knob)] == ["module", "name", "told", "was", "now"]


def test_shares_stay_shares() -> None:
    shares = [knob for knob in EVERY if 0.5 < knob.was < 1 and "bit" not in knob.told and "sd" not in knob.name]
    assert shares
    assert all(0 < knob.now < 1 for knob in shares)


def test_every_number_is_back_where_it_was() -> None:
    before = _state()
    for knob in EVERY:
        with turned(knob) as settings:
            assert settings != DetectionSettings() or knob.module != SETTINGS
        assert _state() == before, knob


def _state() -> tuple[object, ...]:
    shown = [(type(signal).prior, type(signal).alternative) for signal in SIGNALS]
    return scoring.FAMILY_CAP, scoring.ADDRESS_CAP, campaigns._STRONG, membership.DROP_BELOW, rarity.RARE_DEGREE, shown


def test_constants_are_turned_where_they_are_read() -> None:
    with turned(_one("links.rarity.RARE_DEGREE")):
        assert rarity.RARE_DEGREE == vars(sharing)["RARE_DEGREE"] == 400
    with turned(_one("campaigns._STRONG")):
        assert campaigns._STRONG == 4.0
    with turned(_one("scoring.FAMILY_CAP[timing]")):
        assert scoring.FAMILY_CAP[Family.TIMING] == 14.0
        assert scoring.FAMILY_CAP[Family.CORPUS] == 7.0
    with turned(_one("signals.one_clock.cap", "+1 bit")):
        assert next(s for s in SIGNALS if s.name == "one_clock").alternative.cap == 4.5
