"""The generated parts of the evaluation's page that set things beside each other: peers, hours, numbers, evasions."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from measure.beside import METHODS, Beside
from measure.curves import Ranking
from measure.evasions import ASSUMED, VARIANTS, bill
from measure.examine import Examined
from measure.leaks import Leak
from measure.results import Results, beside_ranked, named, ranked
from measure.sections import area, share
from measure.sensitivity import Effect, Sensitivity
from measure.tables import markdown, percent

__all__ = ["Change", "Swing", "evasions", "leaks", "peers", "sensitivity", "swings"]

_NONE = "Nothing measured yet."
_LEAST_SHARE = 0.05


def peers(results: Results) -> Iterator[str]:
    """Yield every method's ranking of the same accounts, and what it says at its own threshold."""
    names = {world.name for world in results.peers}
    ours = [world for world in results.factorial if world.name in names]
    if not ours or not results.peers:
        yield _NONE
        return
    both = [world for world in results.peers if world.name in {w.name for w in ours}]
    yield f"{len(ours)} worlds, {sum(world.exchanges for world in ours):,} exchanges. Intervals: bootstrap over worlds."
    yield ""
    lines = [_ours(ours), *(_theirs(both, method) for method in METHODS)]
    yield from markdown(
        ("method", "area under ROC", "recall at a false-positive rate of .1 %", "at 1 %", "average precision",
         "members alarmed by its own threshold", "honest accounts alarmed", "campaigns named"), lines,
    )  # fmt: skip
    yield ""
    yield from _windows(both)


def _ours(worlds: Sequence[Examined]) -> tuple[str, ...]:
    accounts = ranked(worlds)
    found = sum(world.evaluation.found for world in worlds)
    ours = named(accounts)
    total = sum(len(world.evaluation.campaigns) for world in worlds)
    return ("spiritsafe", *_figures(Ranking.of(accounts)), percent(ours.members, ours.of_members),
            _rate(ours.honest, ours.of_honest), f"{found} of {total}")  # fmt: skip


def _theirs(worlds: Sequence[Beside], method: str) -> tuple[str, ...]:
    figures = _figures(Ranking.of(beside_ranked(worlds, method)))
    if method.startswith("MMD"):
        return (method, *figures, "names nobody", "-", "none")
    alarmed = members = false = honest = 0
    for world in worlds:
        member = np.array(world.accounts.campaign) >= 0
        alarm = np.zeros(len(member), np.bool_)
        alarm[world.alarms[method]] = True
        alarmed, members = alarmed + int(alarm[member].sum()), members + int(member.sum())
        false, honest = false + int(alarm[~member].sum()), honest + int((~member).sum())
    return (method, *figures, percent(alarmed, members), _rate(false, honest), "none")


def _figures(ranking: Ranking) -> tuple[str, ...]:
    return (area(ranking.area()), share(ranking.recall_at(0.001)), share(ranking.recall_at(0.01)),
            area(ranking.average_precision()))  # fmt: skip


def _rate(events: int, trials: int) -> str:
    return f"{events:,} ({percent(events, trials)})"


def _windows(worlds: Sequence[Beside]) -> Iterator[str]:
    """Yield what the windows of the whole stream say; they name no account."""
    benign = np.array([value for world in worlds for value in world.benign])
    mixed = [window for world in worlds for window in world.windows if window.share >= _LEAST_SHARE]
    if not len(benign) or not mixed:
        yield "Too few windows for a figure of the windowed MMD."
        return
    level = float(np.quantile(benign, 0.99))
    alarms = sum(window.mmd > level for window in mixed)
    yield (
        f"The windowed MMD as published judges windows of the stream: {alarms} of {len(mixed)} windows with members' "
        f"requests among them (median share {np.median([w.share for w in mixed]):.0%}) lie above the level that one "
        f"in a hundred of {len(benign)} windows of honest requests passes. It names no account."
    )


def leaks(results: Results) -> Iterator[str]:
    """Yield what had been taken when a campaign was first named, by factor."""
    rows = [(world.factors[leak.campaign], leak) for world in results.leaks for leak in world.leaks]
    if not rows:
        yield _NONE
        return
    lines = [("all", *_leaked([leak for _, leak in rows]))]
    for factor in ("sharing", "cover", "size"):
        found = sorted({factors[factor] for factors, _ in rows}, key=lambda level: (len(level), level))
        lines += [(f"{factor} {level}", *_leaked([leak for f, leak in rows if f[factor] == level])) for level in found]
    yield from markdown(
        ("campaigns", "suspected", "hours, median", "worst", "exchanges taken, median", "worst", "share of all, median",
         "worst", "output tokens, median", "worst"), lines,
    )  # fmt: skip
    never = [" ".join(factors.values()) for factors, leak in rows if leak.suspected is None]
    lapses = sum(leak.lapses > 0 for _, leak in rows)
    named, honest = sum(w.named for w in results.leaks), sum(w.honest for w in results.leaks)
    yield ""
    yield (
        f"{len(results.leaks)} worlds, {sum(w.scans for w in results.leaks)} scans. Medians and worst are over the "
        f"campaigns that were named. {len(never)} never were, and took everything: {', '.join(never) or 'none'}. "
        f"Of the {len(rows) - len(never)} that were named, {lapses} were not at some later scan of the grid: the hour "
        f"is the first at which, not one from which on. "
        f"Honest accounts that any scan named: {named} of {honest:,}."
    )


def _leaked(leaks: Sequence[Leak]) -> tuple[str, ...]:
    seen = [(leak, leak.suspected) for leak in leaks if leak.suspected is not None]
    told = f"{len(seen)} of {len(leaks)}"
    if not seen:
        return (told, *["-"] * 8)
    hours = [float(at.hour) for _, at in seen]
    taken = [float(at.exchanges) for _, at in seen]
    part = [at.exchanges / leak.exchanges for leak, at in seen]
    tokens = [float(at.output_tokens) for _, at in seen]
    return (told, *(f"{f(hours):.0f}" for f in _ENDS), *(f"{f(taken):,.0f}" for f in _ENDS),
            *(f"{f(part):.0%}" for f in _ENDS), *(f"{f(tokens):,.0f}" for f in _ENDS))  # fmt: skip


_ENDS = (np.median, max)


class Change(NamedTuple):
    """What turning a number changes."""

    members: int
    found: int
    honest: int


class Swing(NamedTuple):
    """One number: the changes by how it was turned, summed over worlds, and how many turns detection cannot bear."""

    name: str
    ways: dict[str, Change]
    broken: int

    @property
    def low(self) -> int:
        """Most members lost."""
        return min(0, *(change.members for change in self.ways.values())) if self.ways else 0

    @property
    def high(self) -> int:
        """Most members gained."""
        return max(0, *(change.members for change in self.ways.values())) if self.ways else 0

    @property
    def honest(self) -> int:
        """Most honest accounts named on top."""
        return max(0, *(change.honest for change in self.ways.values())) if self.ways else 0

    def told(self, place: int) -> str:
        """Return one kind of change in words."""
        changes = {way: change[place] for way, change in self.ways.items() if change[place]}
        return ", ".join(f"{way}: {change:+d}" for way, change in changes.items()) or "0"


def swings(parts: Sequence[Sensitivity]) -> list[Swing]:
    """Return what turning each number changes, the largest change first."""
    by: dict[str, Swing] = {}
    for part in parts:
        for turn in part.turns:
            swing = by.setdefault(turn.label, Swing(turn.label, {}, 0))
            if turn.effect is None:
                by[turn.label] = swing._replace(broken=swing.broken + 1)
                continue
            was, more = swing.ways.get(turn.told, Change(0, 0, 0)), _change(part.base, turn.effect)
            swing.ways[turn.told] = Change(*(a + b for a, b in zip(was, more, strict=True)))
    return sorted(by.values(), key=lambda s: (-max(-s.low, s.high), -s.honest, s.name))


def _change(base: Effect, now: Effect) -> Change:
    return Change(
        now.members + now.lone[0] - base.members - base.lone[0],
        now.found - base.found,
        now.honest + now.lone[1] - base.honest - base.lone[1],
    )


_SHOWN = 24


def sensitivity(results: Results) -> Iterator[str]:
    """Yield which numbers matter, and how many do not."""
    if not results.sensitivity:
        yield _NONE
        return
    rows = swings(results.sensitivity)
    base = list({part.name.rpartition("-")[0]: part for part in results.sensitivity}.values())
    still = sum(not (row.low or row.high or row.honest) for row in rows)
    yield (
        f"{len(rows)} numbers, {sum(len(p.turns) for p in results.sensitivity)} scans on {len(base)} worlds with "
        f"{sum(p.campaigns for p in base)} campaigns of {sum(p.members for p in base)} members near the margin. As it "
        f"is: {sum(p.base.found for p in base)} found, {sum(p.base.members for p in base)} members and "
        f"{sum(p.base.honest for p in base)} honest accounts named. {still} numbers change nothing at any value. "
        f"The {min(_SHOWN, len(rows) - still)} that change most:"
    )
    yield ""
    shown = [row for row in rows[:_SHOWN] if row.low or row.high or row.honest]
    yield from markdown(
        ("number", "change in members named", "in campaigns found", "in honest accounts named"),
        ((f"`{row.name}`", *(row.told(place) for place in range(3))) for row in shown),
    )
    wrong = [f"`{row.name}` ({row.told(2)})" for row in rows[_SHOWN:] if row.honest]
    if wrong:
        yield ""
        yield f"Beyond these, honest accounts are named when turning {', '.join(wrong)}."
    broken = [f"`{row.name}`" for row in rows if row.broken]
    if broken:
        yield ""
        yield f"Detection cannot work with some values of {', '.join(broken)}."


def evasions(results: Results) -> Iterator[str]:
    """Yield what each evasion buys and costs."""
    prices = "; ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in ASSUMED.items())
    lines = []
    for name, variant in VARIANTS.items():
        ours = [c for c in results.campaigns(results.evasions) if c.factors["evasion"] == name]
        needed = bill(variant)
        members = sum(c.score.recall * c.score.members for c in ours)
        lines.append((
            name,
            f"{sum(c.score.found for c in ours)} of {len(ours)}" if ours else "-",
            percent(round(members), sum(c.score.members for c in ours)),
            f"{needed.accounts:,}", f"{needed.cards:,}", f"{needed.exits:,}",
            f"{needed.low:,.0f} to {needed.high:,.0f}", f"{needed.waiting} + {needed.days}", variant.also or "-",
        ))  # fmt: skip
    yield from markdown(
        (
            "what the attacker does",
            "found",
            "members named",
            "accounts",
            "cards",
            "exits",
            "dollars, assumed",
            "days",
            "beyond that",
        ),
        lines,
    )
    yield ""
    yield (
        f"Accounts, cards, exits and dollars are for a million harvested exchanges in thirty days; days are from the "
        f"first sign-up to the first exchange, and then until a thousand accounts have a million. Assumed prices in "
        f"dollars, orders of magnitude and not measured: {prices} a month. Tokens are not counted: they cost the same "
        f"however one hides, but cover is paid for like the harvest."
    )
