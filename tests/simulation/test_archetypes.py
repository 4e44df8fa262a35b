from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.errors import UsageError
from spiritsafe.model.words import Programme
from spiritsafe.simulation.archetypes import ARCHETYPES, parse_campaign
from spiritsafe.simulation.spec import CampaignSpec, Orgs

FRACTIONS = ("cover", "jitter", "foreign", "subjects", "ban", "verified")


def test_every_archetype_stands_for_itself() -> None:
    assert list(ARCHETYPES) == [f"C{n}" for n in range(1, 8)]
    for name, spec in ARCHETYPES.items():
        assert spec.archetype == name
        assert parse_campaign(f"{name}:{spec.accounts}") == spec


@given(
    name=st.sampled_from(list(ARCHETYPES)),
    accounts=st.integers(1, 100_000),
    fractions=st.dictionaries(st.sampled_from(FRACTIONS), st.floats(0, 0.95)),
    cards=st.integers(0, 50),
)
def test_what_is_written_is_what_is_read(name: str, accounts: int, fractions: dict[str, float], cards: int) -> None:
    options = ",".join(f"{key}={value!r}" for key, value in fractions.items())
    spec = parse_campaign(f"{name}:{accounts}:{options},cards={cards}")
    assert (spec.archetype, spec.accounts, spec.cards) == (name, accounts, cards)
    assert {key: getattr(spec, key) for key in fractions} == fractions


@given(st.text(min_size=1, max_size=12).filter(lambda key: not set(key) & set(":,=") and key.strip() == key))
def test_an_unknown_key_is_named_beside_the_legal_ones(key: str) -> None:
    legal = {field.name for field in fields(CampaignSpec)} | {"shared"}
    if key in legal - {"archetype", "accounts"}:
        return
    with pytest.raises(UsageError) as caught:
        parse_campaign(f"C1:60:{key}=1")
    assert repr(key) in caught.value.message
    assert all(name in caught.value.hint for name in legal - {"archetype", "accounts"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("C9:60", "C9"),
        ("C1", "number of accounts"),
        ("C1:many", "many"),
        ("C1:60:cover", "key=value"),
        ("C1:60:cover=lots", "lots"),
        ("C1:60:cover=.99", "outside"),
        ("C1:60:rate=nan", "outside"),
        ("C1:60:orgs=castle", "castle"),
        ("C1:60:shared=everything", "everything"),
        ("C1:60:accounts=3", "accounts"),
        ("C1:60:elicitation=hypnosis", "hypnosis"),
        ("C1:60:work=alchemy", "alchemy"),
        ("C1:0", "outside"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_campaign(text)


def test_words_for_switches_and_enums() -> None:
    spec = parse_campaign("C1:60:template=none,deal=no,reseller=yes,orgs=shell,programme=education,paraphrase=12")
    assert (spec.template, spec.deal, spec.reseller) == (False, False, True)
    assert (spec.orgs, spec.programme, spec.paraphrase) == (Orgs.SHELL, Programme.EDUCATION, 12.0)


def test_nothing_shared_means_cards_exits_and_devices_of_their_own() -> None:
    spec = parse_campaign("C2:60:shared=nothing,rate=9")
    assert (spec.cards, spec.proxies, spec.devices, spec.rate) == (0, 0, 0, 9.0)
    assert spec.signup >= 100
    assert parse_campaign("C2:60:shared=nothing,cards=5").cards == 5
