"""What a world should hold: one frozen record per campaign and one for the whole.

Every sweep parameter of the public campaigns is a field, so that the command line, the bench and a
test name it alike and a new parameter needs no parser of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from spiritsafe.model.errors import UsageError
from spiritsafe.model.words import Programme

__all__ = ["CampaignSpec", "Families", "Orgs", "WorldSpec"]


class Families(StrEnum):
    """Which half of topics, frames and templates a world may use; reporting never shares one with tuning."""

    TUNE = "tune"
    HOLDOUT = "holdout"
    ALL = "all"


class Orgs(StrEnum):
    """Where a campaign's members sit."""

    NONE = "none"
    OWN = "own"
    SHELL = "shell"
    ONE = "one"


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """One campaign; fractions are within [0, 1], times in the unit that is named.

    Attributes:
        archetype: C1 to C7, whose defaults were taken.
        accounts: members over the whole world, replacements included.
        cover: share of the members' exchanges that is ordinary traffic.
        rate: focal exchanges per active account and day.
        cards: accounts per payment card, 0 for a card each.
        proxies: accounts per shared /24 exit, 0 for exits of their own.
        devices: accounts per sign-up device, 0 for a device each.
        signup: days over which the members sign up.
        age: days between the last sign-up and the campaign's start.
        jitter: share of focal exchanges that follow the account's own hours, not the dispatcher's clock.
        paraphrase: 0 one wording; a fraction, the share of exchanges worded afresh; k >= 2, k wordings.
        template: False for bare bodies without any instruction text.
        elicitation: template kinds, '+' between them.
        work: kinds of body, '+' between them.
        foreign: share of bodies that are not English.
        subjects: 0 every account draws from the whole pool, 1 each from its own slice by topic.
        pool: distinct bodies; 0 for as many as there are focal exchanges.
        deal: True deals the pool without replacement, False draws from it with replacement.
        turns: mean requests per focal conversation.
        pivot: hours after a release until half of the focal traffic is on the new model, 0 for never.
        ban: share of the slots whose first account is banned on the way.
        lag: hours until a banned account's replacement works.
        start: day on which the campaign begins.
        duration: days that it lasts, 0 for until the world ends.
        pauses: outages of the dispatcher per week.
        orgs: where members sit.
        verified: probability that an organisation of theirs was verified.
        programme: the programme that members were admitted under; any but none makes them `stolen_programme`.
        reseller: True if the cover is customers' traffic on many subjects, over several channels.
        vision: share of the exchanges that carry an image.
        framed: honest organisations whose /24s and template the campaign copies.
        shells: self-declared organisations with erratic behaviour, registered to stretch a null.
        name: label of the campaign, set by `build` where empty.
    """

    archetype: str
    accounts: int
    cover: float = 0.4
    rate: float = 25.0
    cards: int = 6
    proxies: int = 12
    devices: int = 0
    signup: float = 14.0
    age: float = 5.0
    jitter: float = 0.0
    paraphrase: float = 0.0
    template: bool = True
    elicitation: str = "chain_of_thought"
    work: str = "coding+maths"
    foreign: float = 0.0
    subjects: float = 0.0
    pool: int = 0
    deal: bool = True
    turns: float = 1.0
    pivot: float = 0.0
    ban: float = 0.0
    lag: float = 12.0
    start: float = 0.0
    duration: float = 0.0
    pauses: float = 2.0
    orgs: Orgs = Orgs.NONE
    verified: float = 0.0
    programme: Programme = Programme.NONE
    reseller: bool = False
    vision: float = 0.0
    framed: int = 0
    shells: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse values outside the stated ranges.

        Raises:
            UsageError: naming the parameter, its value and its range.
        """
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(
                    f"campaign {self.archetype}: {name}={value:g} is outside {low:g} to {high:g}",
                    hint=f"Give {name} a value from {low:g} to {high:g}.",
                )


_RANGES: dict[str, tuple[float, float]] = {
    "accounts": (1, 100_000),
    "cover": (0, 0.95),
    "rate": (0.1, 5_000),
    "cards": (0, 100_000),
    "proxies": (0, 100_000),
    "devices": (0, 100_000),
    "signup": (0, 3_650),
    "age": (0, 3_650),
    "jitter": (0, 1),
    "paraphrase": (0, 1_000_000),
    "foreign": (0, 1),
    "subjects": (0, 1),
    "pool": (0, 10_000_000),
    "turns": (1, 50),
    "pivot": (0, 10_000),
    "ban": (0, 1),
    "lag": (0, 10_000),
    "start": (0, 3_650),
    "duration": (0, 3_650),
    "pauses": (0, 100),
    "verified": (0, 1),
    "vision": (0, 1),
    "framed": (0, 1_000),
    "shells": (0, 10_000),
}


def override(spec: CampaignSpec, values: Mapping[str, str]) -> CampaignSpec:
    """Return ``spec`` with textual values set.

    Raises:
        UsageError: an unknown key (the legal ones are listed) or an unreadable value.
    """
    legal = {f.name: type(f.default) for f in fields(CampaignSpec) if f.name not in {"archetype", "accounts"}}
    parsed: dict[str, Any] = {}
    for key, text in values.items():
        if key not in legal:
            raise UsageError(
                f"campaign {spec.archetype}: unknown key {key!r}",
                hint=f"Legal keys: {', '.join(sorted(legal))}, shared.",
            )
        parsed[key] = _read(spec.archetype, key, text, legal[key])
    return replace(spec, **parsed)


def _read(archetype: str, key: str, text: str, kind: type) -> object:
    try:
        return _SWITCH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        expected = "one of " + ", ".join(_SWITCH) if kind is bool else _expected(kind)
        raise UsageError(
            f"campaign {archetype}: cannot read {key}={text!r}", hint=f"{key} takes {expected}."
        ) from error


_SWITCH = {"1": True, "yes": True, "true": True, "own": True, "0": False, "no": False, "false": False, "none": False}


def _expected(kind: type) -> str:
    if issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    return {int: "a whole number", float: "a number", str: "text"}.get(kind, kind.__name__)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """One world: an honest background and the campaigns on top of it.

    Attributes:
        accounts: honest accounts; campaigns come on top, so that adding one leaves the background as it is.
        days: length in days.
        campaigns: the campaigns.
        seed: every random number descends from it, per part by name.
        start: the first midnight, UTC.
        data: folder of real traffic and prompts, or None for the parametric world.
        cohorts: accounts per cohort; None for the default mix within ``accounts``.
        families: which half of topics, frames and templates to use.
        daily_cap: most exchanges an honest account makes on a mean day.
        exchanges_target: thins honest volume to about this many exchanges, None for no thinning.
        release_day: day on which the new model is released.
    """

    accounts: int = 1_000
    days: int = 10
    campaigns: tuple[CampaignSpec, ...] = ()
    seed: int = 0
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    data: Path | None = None
    cohorts: Mapping[str, int] | None = field(default=None, hash=False)
    families: Families = Families.ALL
    daily_cap: int = 2_000
    exchanges_target: int | None = None
    release_day: float = 5.0
