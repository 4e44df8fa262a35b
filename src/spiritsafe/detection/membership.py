"""Who in a group really belongs: each member's own bits for 'one of them' against 'a stranger among them'.

A popular template, a victim's network or a copied system prompt puts honest accounts into a group that
is otherwise a campaign. Each member is judged by what the rest of the group says about it - its hours
given the others' profile, its subjects given the others' bodies, links to others - never by the fact
that brought it in.
"""

import numpy as np
from scipy.special import gammaln

from spiritsafe.detection.focus import CELLS_PER_DAY, Focus
from spiritsafe.detection.links.rarity import rare_traits
from spiritsafe.detection.population import Bool, Float, tally
from spiritsafe.detection.signals.standing import vouched
from spiritsafe.model.words import Family

__all__ = ["DROP_BELOW", "KEEP_ABOVE", "hour_bits", "link_bits", "member_bits", "subject_bits", "template_bits", "trim"]

DROP_BELOW = -2.0
"""Bits below which a member is left out: four to one that it is a stranger."""
KEEP_ABOVE = 0.5
"""Bits that a member must show where nothing but its hours brought it into the group."""
_STRANGERS_LINKED = 0.1
_TIED = 0.6
"""Share of tied members from which one who is tied to nobody must show evidence of his own."""
_RHO_MEMBER, _RHO_STRANGER = 0.02, 0.30
_ROUNDS = 4


def trim(focus: Focus, least: int, *, firm: bool = False) -> tuple[Focus, Bool]:
    """Drop members that do not belong until nobody does or fewer than ``least`` are left.

    Args:
        focus: the group.
        least: members that must remain.
        firm: ask every member for evidence of its own instead of dropping those with evidence against.

    Returns:
        The trimmed focus and, for the members given, whether each was kept (bool [m]).
    """
    kept = np.ones(focus.size, np.bool_)
    current = focus
    for _ in range(_ROUNDS):
        stay = _stay(current, firm=firm)
        if stay.all() or stay.sum() < least:
            break
        kept[np.flatnonzero(kept)[~stay]] = False
        current = current.only(stay)
    return current, kept


def _stay(focus: Focus, *, firm: bool) -> Bool:
    """Return who may stay, bool [m].

    Colleagues, and loners among the tied, must show evidence of their own. Colleagues are judged together:
    an organisation that a campaign imitates comes in with several accounts at once, and their evidence adds
    up. Accounts somebody vouches for leave a group of strangers in any case: they may be victims, and a
    person can still look at them.
    """
    bits = member_bits(focus)
    _, unit, size = np.unique(focus.unit, return_inverse=True, return_counts=True)
    together = (tally(unit, bits, len(size)) / size)[unit]
    linked = _linked(focus)
    alone = ~linked & (linked.mean() >= _TIED)
    needed = np.where((size[unit] > 1) | alone | firm, KEEP_ABOVE, DROP_BELOW)
    known = vouched(focus.population)[focus.members]
    return np.asarray((together >= needed) & ~(known & (known.mean() < 0.5)))


def member_bits(focus: Focus) -> Float:
    """Bits for membership of each member, float [m]."""
    typical = np.median(focus.volume)
    # a few exchanges with a template that others harvest with are a stranger's, not a dealt share's
    marginal = np.select([focus.volume < 0.1 * typical, focus.volume < 0.25 * typical], [-2.5, -1.0], 0.0)
    # a gateway that names its end users passes on whatever they ask; it is not the one who asks
    accounts = focus.population.accounts
    resold = accounts.end_users[focus.members] > 0.5 * accounts.n[focus.members]
    own = hour_bits(focus) + subject_bits(focus) + link_bits(focus) + template_bits(focus)
    return np.asarray(own + marginal - np.where(resold, 4.0, 0.0))


def template_bits(focus: Focus) -> Float:
    """Bits against members that use only what outsiders use as well, between -3 and 0.

    A group may be judged on a popular template beside its own. A template's exclusiveness is the share of
    its users that are members; who uses much less exclusive ones than the median member came in by accident.
    """
    content = focus.population.content
    first = np.searchsorted(content.template, focus.templates)
    last = np.searchsorted(content.template, focus.templates, side="right")
    exclusive = np.zeros(len(focus.templates))
    for at, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        users = np.unique(content.account[begin:end])
        exclusive[at] = np.isin(users, focus.members).mean() if len(users) else 0.0
    place = np.searchsorted(focus.templates, focus.what)
    mean = tally(focus.who, focus.n * exclusive[place], focus.size) / np.maximum(focus.volume, 1)
    return np.asarray(np.clip(2 * np.log2((mean + 0.05) / (np.median(mean) + 0.05)), -3, 0))


def link_bits(focus: Focus) -> Float:
    """Bits from sharing a rare card, network or device with another member, between -3 and +2.

    Where nearly all members are tied to each other, one who is not is probably a stranger; where hardly
    any are, being alone says nothing. The odds are the group's own share against strangers' one in ten.
    """
    linked = _linked(focus)
    share = (linked.sum() + 0.5) / (focus.size + 1)
    odds = np.where(linked, share / _STRANGERS_LINKED, (1 - share) / (1 - _STRANGERS_LINKED))
    return np.asarray(np.clip(np.log2(odds), -3, 2))


def _linked(focus: Focus) -> Bool:
    """Members that share a rare card, network or device with another member, bool [m]."""
    linked = np.zeros(focus.size, np.bool_)
    for family in (Family.PAYMENT, Family.NETWORK, Family.DEVICE):
        rare = rare_traits(focus.population, family)
        rows, who = rare.of(focus.members)
        _, trait, count = np.unique(rare.group[rows], return_inverse=True, return_counts=True)
        linked[who[count[trait] >= 2]] = True
    return linked


def hour_bits(focus: Focus) -> Float:
    """Log2 likelihood ratio of each member's daily cells: the others' profile against a life of its own.

    Both sides are Dirichlet-multinomial about a profile with the stated intra-class correlation, so that
    a busy account cannot convict itself by volume; bounded to +/- 8 bits.
    """
    counts = focus.cells
    total = counts.sum(axis=2)
    everyone = focus.outside_profile.reshape(-1, CELLS_PER_DAY)
    others = counts.sum(axis=0)[None] - counts + 0.25
    member = _dirichlet_multinomial(counts, others / others.sum(axis=2, keepdims=True), _RHO_MEMBER)
    share = everyone / everyone.sum(axis=1, keepdims=True)
    stranger = _dirichlet_multinomial(counts, np.broadcast_to(share, counts.shape), _RHO_STRANGER)
    ratio = np.where(total >= 2, member - stranger, 0).sum(axis=1) / np.log(2)
    if np.median(ratio) < 0:
        # the group keeps no common clock: whoever keeps his own hours is no stranger for that
        return np.zeros(focus.size)
    return np.asarray(np.clip(ratio, -8, 8))


def _dirichlet_multinomial(counts: Float, share: Float, rho: float) -> Float:
    """Log probability of counts [m, d, c] given shares and intra-class correlation, without the multinomial term."""
    alpha = np.maximum(share, 1e-3) * (1 / rho - 1)
    total, weight = counts.sum(axis=2), alpha.sum(axis=2)
    inner = (gammaln(counts + alpha) - gammaln(alpha)).sum(axis=2)
    return np.asarray(inner + gammaln(weight) - gammaln(weight + total))


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
    centre = float(np.median(likeness))
    if centre < 0.01:
        return np.zeros(focus.size)
    noise = 0.35 + 0.7 / np.sqrt(np.maximum(volume, 1))
    relative = np.minimum(likeness / centre, 1.0)
    return np.asarray(np.clip((relative - 0.5) / noise**2 * 1.44 * 0.5, -4, 2))
