"""Builds one campaign: members, their focal traffic from a common pool, and their cover.

Members come from the same builder as honest accounts and write through the same grammar; what makes
a campaign is one pool, one dispatcher and whatever the specification lets the members share.
"""

import numpy as np
import pyarrow as pa

from spiritsafe.model.words import Programme
from spiritsafe.simulation.authors import deal, lives, own_work
from spiritsafe.simulation.honest import GRADERS, OUTPUT, Part, Setting
from spiritsafe.simulation.mixing import mix, stream
from spiritsafe.simulation.rhythm import DAY_S, Beats, Rhythm, dispatch, live, select, stack
from spiritsafe.simulation.roster import Exit, Makeup, Roster, enrol
from spiritsafe.simulation.spec import CampaignSpec, Orgs
from spiritsafe.simulation.templates import Family, draw_family
from spiritsafe.simulation.traffic import Lane, Style, tabulate

__all__ = ["mount"]

_FOREIGN = ("chat_es", "chat_pt", "chat_zh", "chat_ru")
_COVER = ("chat", "writing", "coding", "data", "tools", "chat_zh", "chat_es")


def mount(spec: CampaignSpec, number: int, setting: Setting) -> list[Part]:
    """Return the parts of campaign ``number``: its members and whoever it drags in."""
    rng = stream(setting.spec.seed, "campaign", number, spec.archetype)
    group = np.zeros(spec.accounts, np.int64)
    roster = enrol(rng, "campaign", group, _makeup(spec), setting.start_us + int(spec.start * DAY_S * 1e6))
    focal = _focal_beats(rng, spec, roster, setting.spec.days)
    lanes = [*_focal(rng, spec, focal, setting), _cover(rng, spec, focal, roster, setting)]
    return [Part(roster, tabulate(rng, roster, lanes, setting.models, setting.start_us), spec.name)]


def _makeup(spec: CampaignSpec) -> Makeup:
    return Makeup(
        exits=(Exit.PROXY,) if spec.proxies else (Exit.HOME, Exit.CLOUD),
        client="default",
        card=str(spec.cards),
        devices=spec.devices,
        org={Orgs.NONE: "mixed", Orgs.ONE: "group"}.get(spec.orgs, "own"),
        domain="free" if spec.orgs is Orgs.NONE else "own",
        programme=spec.programme if spec.programme is not Programme.NONE else Programme.NONE,
        burst=spec.signup,
        per_exit=max(1, spec.proxies),
        age=spec.age,
    )


def _focal_beats(rng: np.random.Generator, spec: CampaignSpec, roster: Roster, days: int) -> Beats:
    """Return when members query for the campaign: by the dispatcher, or in their own hours."""
    n = spec.accounts
    last = min(float(days), spec.start + spec.duration) if spec.duration else float(days)
    slots = max(1, round(n / (1 + spec.ban)))
    slot = np.arange(n) % slots
    begin, end = np.full(n, spec.start * DAY_S), np.full(n, last * DAY_S)
    replaced = np.flatnonzero(np.arange(n) >= slots)
    banned = (spec.start + (last - spec.start) * rng.uniform(0.25, 0.75, len(replaced))) * DAY_S
    end[slot[replaced]] = banned
    begin[replaced] = np.minimum(banned + spec.lag * 3_600, last * DAY_S - 3_600)
    central = dispatch(rng, begin, end, slot, spec.rate * (1 - spec.jitter), spec.pauses)
    rate = np.full(n, spec.rate * spec.jitter) * rng.lognormal(-0.08, 0.4, n)
    personal = live(rng, Rhythm.PERSONAL, rate / 0.65, roster.zone, np.zeros(n, np.int64), days, spec.turns)
    alive = (personal.at >= begin[personal.member]) & (personal.at < end[personal.member])
    return stack([central, select(personal, alive)])


def _focal(rng: np.random.Generator, spec: CampaignSpec, beats: Beats, setting: Setting) -> list[Lane]:
    """Return a lane per elicitation; the pool is dealt over all of them."""
    families = setting.spec.families
    kinds = spec.elicitation.split("+")
    bodies = deal(rng, beats, _pool(rng, spec, len(beats), setting), spec.subjects, spec.deal, spec.accounts)
    used = rng.choice(len(kinds), len(beats), p=rng.dirichlet(np.full(len(kinds), 4.0)))
    lanes = []
    for number, kind in enumerate(kinds):
        rows = used == number
        own = select(beats, rows)
        text = bodies.filter(pa.array(rows))
        family = draw_family(rng, kind, families)
        prompt, system = _dress(rng, spec, family, text) if spec.template else (text, pa.nulls(len(own), pa.string()))
        lanes.append(Lane(own, prompt, system, _style(spec, kind)))
    return lanes


def _style(spec: CampaignSpec, kind: str) -> Style:
    return Style(
        output=OUTPUT.get(kind, (500.0, 0.5)),
        thinking=0.3 if kind == "chain_of_thought" else 0.0,
        grader=kind in GRADERS,
        early=spec.pivot,
        reseller=spec.reseller,
    )


def _dress(rng: np.random.Generator, spec: CampaignSpec, family: Family, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
    n = len(bodies)
    if spec.paraphrase >= 2:
        wording = rng.integers(0, int(spec.paraphrase), n)
    else:
        wording = np.where(rng.random(n) < spec.paraphrase, rng.integers(1, 1 << 40, n), 0)
    return family.dress(bodies, wording)


def _pool(rng: np.random.Generator, spec: CampaignSpec, focal: int, setting: Setting) -> pa.Array:
    """Return the campaign's distinct bodies, ordered by subject."""
    size = spec.pool or max(focal, 1)
    prose = setting.prose
    home, abroad = prose.topics_of(tuple(spec.work.split("+"))), prose.topics_of(_FOREIGN)
    topic = np.where(rng.random(size) < spec.foreign, rng.choice(abroad, size), rng.choice(home, size))
    return prose.bodies(rng, np.sort(topic), None, 0.8)


def _cover(rng: np.random.Generator, spec: CampaignSpec, focal: Beats, roster: Roster, setting: Setting) -> Lane:
    """Return the members' ordinary traffic, each with a life and hours of its own."""
    n, prose = spec.accounts, setting.prose
    author = mix(setting.spec.seed, int(rng.integers(1 << 40)), np.arange(n)).astype(np.int64)
    count = np.bincount(focal.member, minlength=n) * spec.cover / (1 - spec.cover)
    days = setting.spec.days
    beats = live(rng, Rhythm.PERSONAL, count / days / 0.65, roster.zone, np.arange(n), days, 2.0)
    topics = lives(prose, _COVER, 6 if spec.reseller else 3, author)
    bodies = own_work(prose, rng, beats, topics, author, 0.8, 0.03)
    return Lane(beats, bodies, pa.nulls(len(beats), pa.string()), Style(reseller=spec.reseller))
