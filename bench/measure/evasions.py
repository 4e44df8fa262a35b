"""What an attacker who has read the documentation would change, one choice at a time, and what each choice costs.

Every variant is the same campaign - a hundred accounts, sixteen exchanges per account and day - with one
or more habits given up. So what a choice buys is read off the share that is found, and what it costs off
the accounts, cards and exits that a million harvested exchanges take.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from measure.design import DAYS, PER_DAY
from measure.experiments import Experiment
from measure.trial import Trial
from spiritsafe.simulation.worlds import CampaignSpec, WorldSpec, parse_campaign

__all__ = ["ASSUMED", "EVADING", "VARIANTS", "Bill", "bill"]

_SIZE = 100
_APART = "shared=nothing"


@dataclass(frozen=True)
class Variant:
    """One way to evade.

    Attributes:
        words: keys of the campaign beside archetype and size.
        cover: share of ordinary traffic.
        per_day: exchanges per account and day, cover included.
        size: accounts.
        also: what it costs beyond accounts, cards and exits.
    """

    words: str = _APART
    cover: float = 0.3
    per_day: float = PER_DAY
    size: int = _SIZE
    also: str = ""

    def campaign(self, archetype: str, name: str) -> CampaignSpec:
        """Return the campaign; only what the variant names differs from the archetype."""
        rate = self.per_day * (1 - self.cover)
        fixed = f"cover={self.cover:g},rate={rate:g},ban=0,jitter=0"
        return replace(parse_campaign(f"{archetype}:{self.size}:{fixed},{self.words}"), name=name)


VARIANTS: dict[str, Variant] = {
    "as disclosed": Variant("cards=6,proxies=12"),
    "a card and an exit each": Variant(),
    "60 % cover": Variant(cover=0.6, also="ordinary traffic that looks like somebody's"),
    "90 % cover": Variant(cover=0.9, also="ordinary traffic that looks like somebody's"),
    "every exchange worded afresh": Variant(f"{_APART},paraphrase=1", also="a small model that rewords"),
    "no instruction text": Variant(f"{_APART},template=none", also="answers without the wanted form"),
    "two exchanges a day": Variant(per_day=2.0),
    "conversations": Variant(f"{_APART},turns=6", also="follow-up questions"),
    "own hours": Variant(f"{_APART},jitter=1", also="none: a random number"),
    "own hours, cards shared": Variant("shared=cards,cards=6,jitter=1", also="none: a random number"),
    "own subjects": Variant(f"{_APART},subjects=1", also="a corpus sorted by subject"),
    "own hours and subjects": Variant(f"{_APART},jitter=1,subjects=1", also="a corpus sorted by subject"),
    "own hours, no instruction text": Variant(f"{_APART},jitter=1,template=none", also="answers without wanted form"),
    "everything of its own": Variant(
        f"{_APART},jitter=1,subjects=1,template=none", also="corpus sorted by subject, answers without the wanted form"
    ),
    "cells of seven": Variant(size=7, also="a template, a corpus and a clock per cell"),
    "accounts replaced after days": Variant(f"{_APART},ban=1,lag=4", also="twice the accounts at half the life"),
    "accounts of all ages": Variant(f"{_APART},signup=400,age=30", also="accounts bought or kept for a year"),
    "verified organisations": Variant(f"{_APART},orgs=own,verified=1", also="a verified company per account"),
    "a customer's template copied": Variant(f"{_APART},framed=2", also="none: the template is known to its users"),
    "same questions again and again": Variant(
        f"{_APART},deal=no,pool=150", also="hardly any harvest: 150 distinct questions for the whole campaign"
    ),
}
_ARCHETYPES = ("C1", "C3", "C5")
_PER_WORLD = 4
_HONEST, _TRAFFIC = 1_500, 50_000


def _evading(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Four variants to a world; each repetition takes all of them through, with another archetype."""
    names = list(VARIANTS)
    for first in range(0, len(names), _PER_WORLD):
        chosen = names[first : first + _PER_WORLD]
        kinds = [_ARCHETYPES[(number + place) % len(_ARCHETYPES)] for place in range(len(chosen))]
        campaigns = tuple(VARIANTS[name].campaign(kind, name) for name, kind in zip(chosen, kinds, strict=True))
        seed = base.seed + 100 * number + first
        spec = replace(base, seed=seed, accounts=_HONEST, days=DAYS, campaigns=campaigns, exchanges_target=_TRAFFIC)
        factors = {name: {"evasion": name, "archetype": kind} for name, kind in zip(chosen, kinds, strict=True)}
        yield Trial("evasions", f"{seed}", spec, factors)


EVADING: dict[str, Experiment] = {
    "evasions": Experiment("Campaigns whose authors know the method", 3, 24_000, _evading)
}


ASSUMED = {"account": (0.1, 1.0), "card": (2.0, 10.0), "exit": (1.0, 4.0)}
"""Dollars, low and high, assumed: a phone number to sign up with, a prepaid or virtual card, a month of one
residential exit. Orders of magnitude as resellers advertise them, not measured here."""


@dataclass(frozen=True)
class Bill:
    """What a million harvested exchanges take.

    Attributes:
        accounts: that must live for thirty days, or half of that where they are replaced.
        cards, exits: that these are spread over.
        low, high: dollars at the assumed prices.
        waiting: days from the first sign-up to the first harvested exchange.
        days: that a thousand accounts harvest, however many are replaced.
    """

    accounts: int
    cards: int
    exits: int
    low: float
    high: float
    waiting: int
    days: int


def bill(variant: Variant) -> Bill:
    """Return what a variant takes; every account is assumed to live for the thirty days, replaced ones for half."""
    spec = variant.campaign("C1", "x")
    per_account = spec.rate * 30 / (1 + spec.ban)
    accounts = round(1_000_000 / per_account)
    cards = accounts // spec.cards if spec.cards else accounts
    exits = accounts // spec.proxies if spec.proxies else accounts
    counts = (accounts, cards, exits)
    low, high = (sum(n * price[end] for n, price in zip(counts, ASSUMED.values(), strict=True)) for end in (0, 1))
    days = math.ceil(1_000 / spec.rate)
    return Bill(accounts, cards, exits, low, high, round(spec.signup + spec.age), days)
