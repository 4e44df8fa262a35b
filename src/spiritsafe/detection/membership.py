"""Who in a group really belongs: each member's own bits for 'one of them' against 'a stranger among them'.

A popular template, a victim's network or a copied system prompt puts honest accounts into a group that
is otherwise a campaign. Each member is judged by what the rest of the group says about it - its hours
given the others' profile, its subjects given the others' bodies, links to others - never by the fact
that brought it in.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from spiritsafe.detection.focus import CELLS_PER_DAY, Focus, once
from spiritsafe.detection.gather import median
from spiritsafe.detection.links.rarity import rare_traits
from spiritsafe.detection.population import Bool, Float, Int, tally
from spiritsafe.detection.signals.standing import vouched
from spiritsafe.model.findings import Evidence
from spiritsafe.model.words import Family

__all__ = [
    "DROP_BELOW",
    "KEEP_ABOVE",
    "Trimmed",
    "hour_bits",
    "link_bits",
    "member_bits",
    "member_evidence",
    "resold_bits",
    "subject_bits",
    "template_bits",
    "trim",
    "volume_bits",
]

DROP_BELOW = -2.0
"""Bits below which a member is left out: four to one that it is a stranger."""
KEEP_ABOVE = 0.5
"""Bits that a member must show where nothing but its hours brought it into the group."""
_BEHIND, _SHOWN = 4.0, 2.0
"""Bits by which one may fall behind the typical member: where that shows six or more, one who does not show two
is a stranger who happened upon a popular sentence."""
_STRANGERS_LINKED = 0.1
_TIED = 0.6
"""Share of tied members from which one who is tied to nobody must show evidence of his own."""
_RESOLD = -4.0
_RHO_MEMBER, _RHO_STRANGER = 0.02, 0.30


@dataclass(frozen=True)
class Trimmed:
    """What is left of a group.

    Attributes:
        focus: those who belong, or as few of the others as leave the group its least size.
        kept: for the members given, whether each is left, bool [m].
        settled: True if everybody who is left belongs; else nobody may be acted on for this group.
    """

    focus: Focus
    kept: Bool
    settled: bool


def trim(focus: Focus, least: int, *, firm: bool = False) -> Trimmed:
    """Drop members that do not belong until nobody does or fewer than ``least`` would be left.

    Args:
        focus: the group.
        least: members that must remain.
        firm: ask every member for evidence of its own instead of dropping those with evidence against.
    """
    kept = np.ones(focus.size, np.bool_)
    current = focus
    while True:  # a round that drops nobody ends it, and every other leaves fewer
        stay = _stay(current, firm=firm)
        if stay.all() or stay.sum() < least:
            return Trimmed(current, kept, bool(stay.all()))
        kept[np.flatnonzero(kept)[~stay]] = False
        current = current.only(stay)


def _stay(focus: Focus, *, firm: bool) -> Bool:
    """Return who may stay, bool [m].

    Colleagues, and loners among the tied, must show evidence of their own. Colleagues are judged together,
    by the weakest quarter of them as well as by their mean: an organisation that a campaign imitates comes in
    with several accounts at once, some of which keep the campaign's hours by accident, while a shell's
    accounts are all alike. Accounts somebody vouches for leave a group of strangers in any case: they may be
    victims, and a person can still look at them.
    """
    bits = member_bits(focus)
    unit, size = focus.organisations
    together = _together(unit, size, bits)
    linked = _linked(focus)
    alone = ~linked & (linked.mean() >= _TIED)
    ordinary = np.clip(median(bits) - _BEHIND, DROP_BELOW, _SHOWN)
    needed = np.where((size[unit] > 1) | alone | firm, max(KEEP_ABOVE, ordinary), ordinary)
    known = vouched(focus.population)[focus.members]
    return np.asarray((together >= needed) & ~(known & (known.mean() < 0.5)))


def _together(place: Int, size: Int, bits: Float) -> Float:
    """The bits of each member's organisation: the lesser of its members' mean and lower quartile, float [m].

    >>> _together(np.array([0, 0, 0, 0, 1]), np.array([4, 1]), np.array([8.0, 8.0, -6.0, -6.0, 3.0])).tolist()
    [-6.0, -6.0, -6.0, -6.0, 3.0]
    """
    ordered = bits[np.lexsort((bits, place))]
    quartile = ordered[np.cumsum(size) - size + (size - 1) // 4]
    return np.asarray(np.minimum(tally(place, bits, len(size)) / size, quartile)[place])


def member_bits(focus: Focus) -> Float:
    """Bits for membership of each member, float [m]."""
    return np.asarray(np.sum([bits(focus) for _, _, bits in _PARTS], axis=0))


def member_evidence(focus: Focus) -> list[list[Evidence]]:
    """What speaks for and against each member by itself, strongest first; weights that round to nothing are left out.

    The p-value is Markov's bound on a likelihood ratio, min(1, 2^-bits): these bits have no sharper null.
    """
    weighed = [(name, family, np.round(bits(focus), 2)) for name, family, bits in _PARTS]
    detail = _details(focus)
    told = []
    for place in range(focus.size):
        found = [
            Evidence(
                signal=name,
                family=family,
                weight_bits=float(bits[place]),
                p_value=round(float(min(1.0, 2.0 ** -bits[place])), 6),
                detail=detail[name](place),
            )
            for name, family, bits in weighed
            if bits[place]
        ]
        told.append(sorted(found, key=lambda item: (-item.weight_bits, item.signal)))
    return told


def _details(focus: Focus) -> dict[str, Callable[[int], str]]:
    """What was counted of a member, by the name of the evidence."""
    volume, typical = focus.volume, median(focus.volume)
    days, own_days = focus.cells.shape[1], (focus.cells.sum(axis=2) > 0).sum(axis=1)
    exclusive = _exclusiveness(focus)
    usual, linked = median(exclusive), _linked(focus)
    return {
        "own_hours": lambda at: f"its times of day on {own_days[at]} of {days} days, given the others' on each",
        "own_subject": lambda at: f"likeness of its {volume[at]} focal requests, template removed, to the others'",
        "own_ties": lambda at: (
            f"it shares {'a' if linked[at] else 'no'} rare card, network or device with a member, "
            f"as {linked.mean():.0%} of the members do"
        ),
        "own_templates": lambda at: (
            f"{exclusive[at]:.0%} of its templates' users are members; of the typical one's {usual:.0%}"
        ),
        "own_share": lambda at: f"it sent {volume[at]} focal exchanges, the typical member {typical:.0f}",
        "resells": lambda _: "most of its exchanges name end users of its own, who ask what they like",
    }


def resold_bits(focus: Focus) -> Float:
    """Bits against gateways that name their end users: they pass on whatever is asked, and do not ask it themselves."""
    accounts = focus.population.accounts
    resold = accounts.end_users[focus.members] > 0.5 * accounts.n[focus.members]
    return np.where(resold, _RESOLD, 0.0)


@once
def volume_bits(focus: Focus) -> Float:
    """Bits against members that sent far less than the typical member, between -4 and 0.

    A few exchanges with a template that others harvest with are a stranger's, not a dealt share's: a share
    below a half of the median costs a bit and a half for every further halving.
    """
    typical = max(median(focus.volume), 1.0)
    return np.asarray(np.clip(1.5 * np.log2(np.maximum(focus.volume, 0.01) / (typical / 2)), -4, 0))


@once
def template_bits(focus: Focus) -> Float:
    """Bits against members that use only what outsiders use as well, between -3 and 0.

    A group may be judged on a popular template beside its own; who uses much less exclusive ones than the
    median member came in by accident.
    """
    mean = _exclusiveness(focus)
    return np.asarray(np.clip(2 * np.log2((mean + 0.05) / (median(mean) + 0.05)), -3, 0))


@once
def _exclusiveness(focus: Focus) -> Float:
    """Mean over each member's focal exchanges of the share of their template's users that are members, float [m]."""
    used, _ = focus.population.templates_of(focus.members)
    inside = np.bincount(used, minlength=len(focus.population.templates))[focus.templates]
    exclusive = inside / np.maximum(focus.population.users_of_each[focus.templates], 1)
    place = np.searchsorted(focus.templates, focus.what)
    return np.asarray(tally(focus.who, focus.n * exclusive[place], focus.size) / np.maximum(focus.volume, 1))


@once
def link_bits(focus: Focus) -> Float:
    """Bits from sharing a rare card, network or device with another member, between -3 and +2.

    Where nearly all members are tied to each other, one who is not is probably a stranger; where hardly
    any are, being alone says nothing. The odds are the group's own share against strangers' one in ten.
    """
    linked = _linked(focus)
    share = (linked.sum() + 0.5) / (focus.size + 1)
    odds = np.where(linked, share / _STRANGERS_LINKED, (1 - share) / (1 - _STRANGERS_LINKED))
    return np.asarray(np.clip(np.log2(odds), -3, 2))


@once
def _linked(focus: Focus) -> Bool:
    """Members that share a rare card, network or device with another member, bool [m]."""
    linked = np.zeros(focus.size, np.bool_)
    for family in (Family.PAYMENT, Family.NETWORK, Family.DEVICE):
        rare = rare_traits(focus.population, family)
        rows, who = rare.of(focus.members)
        order = np.argsort(rare.group[rows])
        group, who = rare.group[rows[order]], who[order]
        same = np.flatnonzero(group[1:] == group[:-1])
        linked[who[same]] = linked[who[same + 1]] = True
    return linked


@once
def hour_bits(focus: Focus) -> Float:
    """Log2 likelihood ratio of each member's daily cells: the others' profile against a life of its own.

    Both sides are Dirichlet-multinomial about a profile with the stated intra-class correlation, so that
    a busy account cannot convict itself by volume. Bounded to -8 bits, and to +4: one honest account in
    sixteen is a service that runs round the clock and has no hours of its own to tell it by.
    """
    everyone = focus.outside_profile.reshape(-1, CELLS_PER_DAY)
    # a day of one exchange says nothing about hours; most days of a large log are such days
    who, day = np.nonzero(focus.cells.sum(axis=2) >= 2)
    counts = focus.cells[who, day]
    others = focus.cells.sum(axis=0)[day] - counts + 0.25
    member = _dirichlet_multinomial(counts, others / others.sum(axis=1, keepdims=True), _RHO_MEMBER)
    share = everyone / everyone.sum(axis=1, keepdims=True)
    stranger = _dirichlet_multinomial(counts, share[day], _RHO_STRANGER)
    ratio = tally(who, member - stranger, focus.size) / np.log(2)
    if median(ratio) < 0:
        # the group keeps no common clock: whoever keeps his own hours is no stranger for that
        return np.zeros(focus.size)
    return np.asarray(np.clip(ratio, -8, 4))


def _dirichlet_multinomial(counts: Float, share: Float, rho: float) -> Float:
    """Log probability of counts [k, cells] given shares and intra-class correlation, without the multinomial term."""
    alpha = np.maximum(share, 1e-3) * (1 / rho - 1)
    total, weight = counts.sum(axis=1), alpha.sum(axis=1)
    inner = (gammaln(counts + alpha) - gammaln(alpha)).sum(axis=1)
    return np.asarray(inner + gammaln(weight) - gammaln(weight + total))


@once
def subject_bits(focus: Focus) -> Float:
    """Bits from the likeness of each member's bodies to the others', bounded to +/- 4; 0 without text.

    A member's mean likeness to the rest, less the population's base, is compared with the group's median:
    half of the median or more is a member's, none of it a stranger's.
    """
    volume = focus.pool_volume
    base_feature = focus.population.base_feature
    if not base_feature.any() or focus.size < 5:
        return np.zeros(focus.size)
    mean = focus.feature_sums / np.maximum(volume, 1)[:, None]
    others = (mean.sum(axis=0)[None] - mean) / (focus.size - 1)
    likeness = (mean * others).sum(axis=1) - float(base_feature @ base_feature)
    centre = median(likeness)
    if centre < 0.01:
        return np.zeros(focus.size)
    noise = 0.35 + 0.7 / np.sqrt(np.maximum(volume, 1))
    relative = np.minimum(likeness / centre, 1.0)
    return np.asarray(np.clip((relative - 0.5) / noise**2 * 1.44 * 0.5, -4, 2))


_PARTS: tuple[tuple[str, Family, Callable[[Focus], Float]], ...] = (
    ("own_hours", Family.TIMING, hour_bits),
    ("own_subject", Family.CORPUS, subject_bits),
    ("own_ties", Family.NETWORK, link_bits),
    ("own_templates", Family.CONTENT, template_bits),
    ("own_share", Family.VOLUME, volume_bits),
    ("resells", Family.CONTEXT, resold_bits),
)
"""Name, family and bits of each kind of evidence for a member."""
