"""Builds one campaign: members, their focal traffic from a common pool, and their cover.

Members come from the same builder as honest accounts and write through the same grammar; what makes
a campaign is one pool, one dispatcher and whatever the specification lets the members share.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.model.words import Programme
from spiritsafe.simulation.authors import Work, answered, deal, own_work, pool
from spiritsafe.simulation.cohorts import FRAMED, SHELLS
from spiritsafe.simulation.honest import LEADS, Part, Setting, inhabit
from spiritsafe.simulation.mixing import Ints, mix, stream
from spiritsafe.simulation.networks import Exit
from spiritsafe.simulation.rhythm import (
    DAY_S,
    PERSONAL_SHARE,
    Beats,
    Rhythm,
    dispatch,
    expand,
    live,
    select,
    stack,
    thin,
)
from spiritsafe.simulation.roster import Client, Makeup, Own, Roster, enrol
from spiritsafe.simulation.spec import CampaignSpec, Orgs
from spiritsafe.simulation.templates import Family, draw_family
from spiritsafe.simulation.traffic import Lane, Style, tabulate

__all__ = ["mount"]

_COVER = ("chat", "writing", "coding", "data", "tools", "chat_zh", "chat_es")
_SHELL_SIZE = 5
_VICTIMS = 15


@dataclass(frozen=True, slots=True)
class _Tenure:
    """When each account works for the campaign, in seconds; a replacement has its predecessor's slot."""

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    slot: Ints

    def holds(self, beats: Beats) -> NDArray[np.bool_]:
        """Return which beats fall within their account's time."""
        return np.asarray((beats.at >= self.begin[beats.member]) & (beats.at < self.end[beats.member]))


def mount(spec: CampaignSpec, number: int, setting: Setting) -> list[Part]:
    """Return the parts of campaign ``number``: its members, the honest it frames, the shells it registers."""
    rng = stream(setting.spec.seed, "campaign", number, spec.archetype)
    victims = []
    if spec.framed:
        habits = replace(FRAMED, templates=tuple(spec.elicitation.split("+")))
        victims.append(inhabit(rng, "framed", habits, _VICTIMS * spec.framed, setting))
    tenure = _tenure(rng, spec, setting.spec.days)
    roster = _members(rng, spec, tenure, setting)
    families = _families(rng, spec, setting)
    if victims:
        roster, families = _copied(rng, roster, victims[0])
    focal = _focal_beats(rng, spec, roster, tenure, setting)
    lanes = [*_focal(rng, spec, focal, families, setting), _cover(rng, spec, focal, roster, tenure, setting=setting)]
    exchanges = tabulate(rng, roster, lanes, setting.models, setting.start_us)
    return [Part(roster, exchanges, spec.name, tuple(families)), *victims, *_shells(rng, spec, setting)]


def _tenure(rng: np.random.Generator, spec: CampaignSpec, days: int) -> _Tenure:
    n = spec.accounts
    last = min(float(days), spec.start + spec.duration) if spec.duration else float(days)
    slots = max(1, round(n / (1 + spec.ban)))
    slot = np.arange(n) % slots
    begin, end = np.full(n, spec.start * DAY_S), np.full(n, last * DAY_S)
    replacement = np.arange(slots, n)
    banned = (spec.start + (last - spec.start) * rng.uniform(0.25, 0.75, len(replacement))) * DAY_S
    end[slot[replacement]] = banned
    begin[replacement] = np.minimum(banned + spec.lag * 3_600, last * DAY_S - 3_600)
    return _Tenure(begin, end, slot)


def _members(rng: np.random.Generator, spec: CampaignSpec, tenure: _Tenure, setting: Setting) -> Roster:
    """Return the members' accounts; replacements sign up shortly before they are needed."""
    group = np.arange(spec.accounts) // (_SHELL_SIZE if spec.orgs is Orgs.SHELL else spec.accounts)
    makeup = Makeup(
        exits=(Exit.PROXY,) if spec.proxies else (Exit.HOME, Exit.CLOUD),
        client=Client.DEFAULT,
        card=spec.cards,
        device=spec.devices,
        per_exit=spec.proxies,
        org={Orgs.NONE: Own.MIXED, Orgs.OWN: Own.ACCOUNT}.get(spec.orgs, Own.GROUP),
        domain={Orgs.NONE: Own.NONE, Orgs.OWN: Own.ACCOUNT}.get(spec.orgs, Own.GROUP),
        verified=spec.verified,
        programme=spec.programme,
        burst=max(spec.signup, 0.01),
        founded=0.0,
        age=spec.age,
    )
    name = "campaign" if spec.programme is Programme.NONE else "stolen_programme"
    roster = enrol(rng, name, group, makeup, setting.start_us + int(spec.start * DAY_S * 1e6))
    created = roster.created_s(setting.start_us)
    late = tenure.begin > spec.start * DAY_S
    created = np.where(late, tenure.begin - rng.uniform(0.2, 1.0, len(created)) * 3_600 * max(spec.lag, 1.0), created)
    stamps = pa.array((setting.start_us + created * 1e6).astype(np.int64), pa.timestamp("us", "UTC"))
    return replace(roster, accounts=roster.accounts.set_column(1, "created_at", stamps))


def _copied(rng: np.random.Generator, roster: Roster, victim: Part) -> tuple[Roster, list[Family]]:
    """Return the members behind the victims' /24s, and the victims' templates to use."""
    seat = rng.integers(0, len(victim.roster), len(roster))
    exits = replace(roster.exits, prefix=victim.roster.exits.prefix[seat], net=victim.roster.exits.net[seat])
    return replace(roster, exits=exits), list(victim.families)


def _shells(rng: np.random.Generator, spec: CampaignSpec, setting: Setting) -> list[Part]:
    """Return the shell organisations, spread over the odd ways of behaving."""
    counts = [len(range(i, spec.shells, len(SHELLS))) for i in range(len(SHELLS))]
    return [
        replace(inhabit(rng, "shell", cohort, 9 * count, setting), campaign=spec.name)
        for cohort, count in zip(SHELLS, counts, strict=True)
        if count
    ]


def _focal_beats(
    rng: np.random.Generator, spec: CampaignSpec, roster: Roster, tenure: _Tenure, setting: Setting
) -> Beats:
    """Return when members query for the campaign: by the dispatcher, or in their own hours."""
    pace = spec.rate * (1 - spec.jitter) / spec.turns
    member, at = dispatch(rng, begin=tenure.begin, end=tenure.end, slot=tenure.slot, rate=pace, pauses=spec.pauses)
    central = expand(rng, member, at, spec.turns, run=False)
    rate = spec.rate * spec.jitter / PERSONAL_SHARE * rng.lognormal(-0.08, 0.4, spec.accounts)
    personal = live(
        rng, Rhythm.PERSONAL, setting.calendar, rate=rate, zone=roster.zone, group=np.arange(spec.accounts),
        length=spec.turns,
    )  # fmt: skip
    both = stack([central, personal])
    return select(both, tenure.holds(both))


def _families(rng: np.random.Generator, spec: CampaignSpec, setting: Setting) -> list[Family]:
    return [draw_family(rng, kind, setting.spec.families) for kind in spec.elicitation.split("+")]


def _focal(
    rng: np.random.Generator, spec: CampaignSpec, beats: Beats, families: list[Family], setting: Setting
) -> list[Lane]:
    """Return a lane per template; the pool is dealt over all of them."""
    kinds = tuple(spec.work.split("+"))
    bodies = pool(setting.prose, rng, spec.pool or max(1, len(beats)), kinds=kinds, foreign=spec.foreign)
    dealt = deal(rng, beats, bodies, members=spec.accounts, slices=spec.subjects, once=spec.deal)
    weight = rng.dirichlet(np.full(len(families), 4.0))
    used = rng.choice(len(families), int(beats.train.max(initial=-1)) + 1, p=weight)[beats.train]
    return [
        _lane(
            rng,
            spec,
            select(beats, used == number),
            dealt.take(np.flatnonzero(used == number)),
            family,
            setting=setting,
        )
        for number, family in enumerate(families)
    ]


def _lane(
    rng: np.random.Generator, spec: CampaignSpec, beats: Beats, work: Work, family: Family, *, setting: Setting
) -> Lane:
    style = Style(kind=family.kind, early=spec.pivot, reseller=spec.reseller, vision=spec.vision)
    if family.kind in LEADS:
        work = answered(setting.prose, rng, work, LEADS[family.kind])
    if not spec.template:
        return Lane(beats, work.text, pa.nulls(len(beats), pa.string()), style)
    n = len(beats)
    fresh = np.where(rng.random(n) < spec.paraphrase, rng.integers(1, 1 << 40, n), 0)
    wording = rng.integers(0, int(spec.paraphrase), n) if spec.paraphrase >= 2 else fresh
    return Lane(beats, *family.dress(work.text, wording), style)


def _cover(
    rng: np.random.Generator, spec: CampaignSpec, focal: Beats, roster: Roster, tenure: _Tenure, *, setting: Setting
) -> Lane:
    """Return the members' ordinary traffic, each with a life and hours of its own."""
    n, days = spec.accounts, setting.spec.days
    author = mix(setting.spec.seed, int(rng.integers(1 << 40)), np.arange(n)).astype(np.int64)
    total = round(len(focal) * spec.cover / (1 - spec.cover))
    # an account also lives before the campaign starts, from its sign-up on
    lifetime = replace(tenure, begin=np.minimum(np.maximum(roster.created_s(setting.start_us), 0), tenure.begin))
    share = np.bincount(focal.member, minlength=n) / max(1, len(focal))
    rate = 1.6 * total * share / PERSONAL_SHARE * DAY_S / np.maximum(lifetime.end - lifetime.begin, 3_600)
    beats = live(
        rng, Rhythm.PERSONAL, setting.calendar, rate=np.minimum(rate, 40 * total / days), zone=roster.zone,
        group=np.arange(n), length=2.0,
    )  # fmt: skip
    beats = thin(rng, select(beats, lifetime.holds(beats)), total)
    work = own_work(setting.prose, rng, beats, author, kinds=_COVER, topics=6 if spec.reseller else 3)
    return Lane(beats, work.text, pa.nulls(len(beats), pa.string()), Style(reseller=spec.reseller))
