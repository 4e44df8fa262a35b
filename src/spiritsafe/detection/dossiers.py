"""What the report shows of a group: counts by day, hour and class, shared traits, and what was not concluded."""

import numpy as np

from spiritsafe.detection.campaigns import Group
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.links.rarity import linking_families, rare_traits, weight_bits
from spiritsafe.engine.tables import DAY_US
from spiritsafe.model.dossier import DailyCount, Dossier, Exemplar, SharedTrait
from spiritsafe.model.findings import timestamp
from spiritsafe.model.words import Capability, Elicitation, Family, Tier, family_of

__all__ = ["capabilities", "dossier", "elicitation", "models_of"]

_SHOWN_MEMBERS, _SHOWN_HOURS = 60, 336
_MOST_TRAITS, _MOST_EXEMPLARS = 60, 12
_MAIN_SHARE = 0.1


def dossier(identity: str, group: Group) -> Dossier:
    """Collect everything the report draws for one group."""
    focus = group.score.focus
    hours = int(focus.hour.min()) if len(focus.hour) else 0
    return Dossier(
        id=identity,
        door=str(group.score.candidate.door),
        daily=_daily(focus),
        heat=_heat(focus),
        account_hours=_account_hours(focus, hours),
        first_hour=timestamp(hours * 3_600_000_000),
        shared=_shared(focus),
        capability_mix=_mix(focus, focus.population.pools.capabilities, [str(c) for c in Capability]),
        elicitation_mix=_mix(focus, focus.population.pools.elicitations, [str(e) for e in Elicitation]),
        exemplars=_exemplars(focus),
        attributions=[],
        spreads=group.score.spreads,
        trimmed=[focus.population.accounts.ids[index] for index in group.trimmed],
        not_concluded=_not_concluded(group),
    )


def models_of(focus: Focus) -> list[str]:
    """Models that the members used, most used first."""
    member = np.zeros(focus.population.size, np.bool_)
    member[focus.members] = True
    counts = {model: int(used.n[member[used.account]].sum()) for model, used in focus.population.model_days.items()}
    return [model for model, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n]


def capabilities(focus: Focus) -> list[str]:
    """Capabilities of at least a tenth of the focal exchanges, most frequent first."""
    return _main(_mix(focus, focus.population.pools.capabilities, [str(c) for c in Capability]), Capability.OTHER)


def elicitation(focus: Focus) -> list[str]:
    """Elicitation classes of at least a tenth of the focal exchanges, most frequent first."""
    return _main(_mix(focus, focus.population.pools.elicitations, [str(e) for e in Elicitation]), Elicitation.NONE)


def _main(mix: dict[str, int], rest: str) -> list[str]:
    total = sum(mix.values())
    return [
        name
        for name, n in sorted(mix.items(), key=lambda i: (-i[1], i[0]))
        if n >= _MAIN_SHARE * total and name != rest
    ]


def _mix(focus: Focus, counts: np.ndarray, names: list[str]) -> dict[str, int]:
    total = counts[focus.pool].sum(axis=0).tolist()
    return {name: int(n) for name, n in zip(names, total, strict=True) if n}


def _day(number: int) -> str:
    return timestamp(number * DAY_US)[:10]


def _daily(focus: Focus) -> list[DailyCount]:
    population = focus.population
    member = np.zeros(population.size, np.bool_)
    member[focus.members] = True
    focal = {int(d): int(n) for d, n in zip(*_sum_by(focus.hour // 24, focus.n), strict=True)}
    totals: dict[int, int] = {}
    rows: list[tuple[int, str, int]] = []
    for model, used in population.model_days.items():
        inside = member[used.account]
        for d, count in zip(*_sum_by(used.day[inside], used.n[inside]), strict=True):
            rows.append((int(d), model, int(count)))
            totals[int(d)] = totals.get(int(d), 0) + int(count)
    tokens = population.accounts.output_tokens[focus.members].sum()
    sent = max(int(population.accounts.n[focus.members].sum()), 1)
    return [
        DailyCount(
            day=_day(d),
            model=model,
            exchanges=count,
            focal_exchanges=min(round(count * focal.get(d, 0) / max(totals[d], 1)), count),
            output_tokens=round(count * int(tokens) / sent),
        )
        for d, model, count in sorted(rows)
    ]


def _sum_by(keys: np.ndarray, n: np.ndarray) -> tuple[list[int], list[int]]:
    values, inverse = np.unique(keys, return_inverse=True)
    return values.tolist(), np.bincount(inverse, n, len(values)).astype(int).tolist()


def _heat(focus: Focus) -> list[list[int]]:
    """Focal exchanges by weekday (Monday first; day 0 of the epoch was a Thursday) and hour, UTC."""
    weekday = (focus.hour // 24 + 3) % 7
    flat = np.bincount(weekday * 24 + focus.hour % 24, focus.n, 7 * 24)
    return flat.astype(int).reshape(7, 24).tolist()


def _account_hours(focus: Focus, first: int) -> list[list[int]]:
    inside = (focus.who < _SHOWN_MEMBERS) & (focus.hour < first + _SHOWN_HOURS)
    width = int(focus.hour[inside].max()) - first + 1 if inside.any() else 0
    rows = min(focus.size, _SHOWN_MEMBERS)
    flat = np.bincount(focus.who[inside] * width + focus.hour[inside] - first, focus.n[inside], rows * width)
    return flat.astype(int).reshape(rows, width).tolist()


def _shared(focus: Focus) -> list[SharedTrait]:
    """Rare traits that at least two members share, and the group's templates; strongest first."""
    population = focus.population
    out = []
    for family in linking_families(population):
        rare = rare_traits(population, family)
        rows, who = rare.of(focus.members)
        for group in np.unique(rare.group[rows]).tolist():
            at = rare.group[rows] == group
            members = np.unique(who[at])
            if len(members) < 2:
                continue
            out.append(_trait(focus, int(rare.row[rows[at][0]]), members))
    out += [_template(focus, int(t)) for t in focus.templates[:_MOST_TRAITS] if t]
    out = [item for item in out if len(item.members) > 1]
    return sorted(out, key=lambda t: (-t.bits * len(t.members), t.kind, t.label))[:_MOST_TRAITS]


def _trait(focus: Focus, row: int, members: np.ndarray) -> SharedTrait:
    population = focus.population
    kind, value = population.traits.kind_of(row), int(population.traits.value[row])
    degree = int(population.traits.degree[row])
    return SharedTrait(
        kind=kind,
        family=family_of(kind),
        label=population.labels.get((kind, value), f"{value & 0xFFFFFFFF:08x}"),
        members=members.tolist(),
        outside=max(degree - len(np.unique(focus.unit[members])), 0),
        bits=round(float(weight_bits(np.array([degree]), population.units)[0]), 2),
    )


def _template(focus: Focus, template: int) -> SharedTrait:
    population = focus.population
    users = population.users(template)
    members = np.flatnonzero(np.isin(focus.members, users))
    degree = len(np.unique(population.accounts.unit[users]))
    return SharedTrait(
        kind="template",
        family=Family.CONTENT,
        label=f"template {int(population.templates[template]) & 0xFFFFFFFF:08x}",
        members=members.tolist(),
        outside=len(users) - len(members),
        bits=round(float(weight_bits(np.array([degree]), population.units)[0]), 2),
    )


def _exemplars(focus: Focus) -> list[Exemplar]:
    population = focus.population
    seen: dict[int, int] = {}
    for template in focus.templates.tolist():
        for sentence in population.sentences[template].tolist():
            seen.setdefault(sentence, template)
    out = [
        Exemplar(words=words, exchanges=n, accounts=focus.size, senders=senders)
        for sentence in seen
        if (found := population.words.get(sentence))
        for words, n, senders in [found]
    ]
    return sorted(out, key=lambda e: (-e.exchanges, e.words))[:_MOST_EXEMPLARS]


def _not_concluded(group: Group) -> list[str]:
    """Say what the evidence does not carry, so that nobody reads more into the group than there is."""
    score, focus = group.score, group.score.focus
    notes = []
    if group.tier is Tier.LINKED:
        notes.append(
            "Abuse: these accounts share infrastructure beyond chance, but nothing they do points to distillation. "
            "Sharing is not guilt; nothing should be done to them."
        )
    elif score.infrastructure_bits < 1:
        notes.append("Common ownership: no rare card, network or device ties the members; behaviour alone does.")
    against = [item for item in score.evidence if item.weight_bits < 0]
    notes += [
        f"Against the group speaks {item.signal} ({item.weight_bits:+.1f} bits): {item.detail}." for item in against
    ]
    if group.trimmed:
        notes.append(
            f"Membership of {len(group.trimmed)} accounts that fit the group's template or network but not its "
            "hours or subjects: they were left out."
        )
    if not focus.population.pools.elicitations[focus.pool].any():
        notes.append("What was asked: the log carries no text for these exchanges.")
    notes.append("Who is behind it: attribution is a separate question and never a ground for action.")
    return notes
