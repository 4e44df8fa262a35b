"""Every number that detection decides by, found in its code, and how each is turned.

Found by reading the modules rather than listed by hand, so that a new constant cannot be forgotten: what is
no threshold stands in ``NOT_TURNED`` with the reason, and a test fails for a name there that is gone.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import spiritsafe.detection as room
from spiritsafe.detection.calibration import Alternative, Null
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.model.settings import DetectionSettings

__all__ = ["NOT_TURNED", "SETTINGS", "Knob", "knobs", "turned"]

SETTINGS = "settings"
_SIGNALS = "signals"
_FACTORS = (0.5, 0.8, 1.25, 2.0)
NOT_TURNED: dict[str, str] = {
    "attribution": "says who may be behind a campaign, which enters no tier",
    "calibration._LOG2E": "a number of mathematics",
    "detect._CLEARED_SHOWN": "how much is shown",
    "dossiers": "how much is shown",
    "groups.rhythm.PARITY": "a choice between two equal halves",
    "groups.neighbours._BLOCK": "rows held in memory",
    "groups.neighbours._EXACT": "a bound on time, above the size of these worlds",
    "groups.rhythm._MAX_ACCOUNTS": "a bound on time, above the size of these worlds",
    "groups.neighbours._MOVES": "only beyond `_EXACT`",
    "groups.neighbours._OVERLAP": "only beyond `_EXACT`",
    "groups.neighbours._STRIDE": "rows looked at together",
    "groups.following._ROUNDS": "rounds of an iteration that ends earlier",
    "groups.following._SEEDS": "rows held in memory",
    "groups.templates._MAX_TREE": "a bound on time, above the size of these worlds",
    "links.apart": "`spiritsafe link` only",
    "links.core": "`spiritsafe link` only",
    "links.incidence": "`spiritsafe link` only",
    "links.moving": "`spiritsafe link` only",
    "links.ordering": "`spiritsafe link` only",
    "links.proposals": "`spiritsafe link` only",
    "links.significance": "`spiritsafe link` only",
    "links.surprise": "`spiritsafe link` only",
    "settings.seed": "no threshold",
    "population._SIDE": "follows from the number of bins",
    "synthetic": "worlds of the signals' examples",
}
"""Modules and names that are left alone, and why."""


@dataclass(frozen=True)
class Knob:
    """One number at one other value.

    Attributes:
        module: where it stands, below ``spiritsafe.detection``; `settings` or `signals`.
        name: what it is called, with its place in a tuple or a table.
        told: how it was turned.
        was, now: its values.
    """

    module: str
    name: str
    told: str
    was: float
    now: float

    @property
    def label(self) -> str:
        """The number's name without how it was turned."""
        return f"{self.module}.{self.name}"


def knobs() -> list[Knob]:
    """Return every number at every other value, module by module."""
    found = [*_of_settings(), *_of_modules(), *_of_signals()]
    return [knob for knob in found if not (_left_alone(knob) or knob.now == knob.was)]


def _left_alone(knob: Knob) -> bool:
    name = knob.name.partition("[")[0]
    return knob.module in NOT_TURNED or f"{knob.module}.{name}" in NOT_TURNED


def _of_settings() -> Iterator[Knob]:
    for name, value in DetectionSettings().model_dump().items():
        yield from _scaled(SETTINGS, name, value)


def _of_modules() -> Iterator[Knob]:
    for module in _modules():
        for name in _assigned(module):
            for place, value in _numbers(getattr(importlib.import_module(f"{room.__name__}.{module}"), name)):
                yield from _scaled(module, name + place, value)


def _of_signals() -> Iterator[Knob]:
    """Yield one bit more and less of what a signal may say either way, and both spreads halved and doubled."""
    for signal in SIGNALS:
        shown = signal.alternative
        for bound in ("floor", "cap"):
            was = getattr(shown, bound)
            for by in (-1.0, 1.0):
                if was:
                    now = min(was + by, 0.0) if bound == "floor" else max(was + by, 0.0)
                    yield Knob(_SIGNALS, f"{signal.name}.{bound}", f"{by:+g} bit", was, now)
        for of, spread in (("alternative", shown.sd), ("prior", signal.prior.sd)):
            for factor in (0.5, 2.0):
                yield Knob(_SIGNALS, f"{signal.name}.{of}.sd", f"x {factor:g}", spread, spread * factor)


def _scaled(module: str, name: str, value: float) -> Iterator[Knob]:
    """Yield a number times each factor; of a share above a half, what is missing to one is multiplied."""
    for factor in _FACTORS:
        now = 1 - (1 - value) * factor if 0.5 < value < 1 else value * factor
        if isinstance(value, int):
            now = max(1, round(now))
        if now != value and not (0.5 < value < 1 and now <= 0):
            yield Knob(module, name, f"x {factor:g}", value, now)


def _modules() -> list[str]:
    prefix = room.__name__ + "."
    return sorted(m.name.removeprefix(prefix) for m in pkgutil.walk_packages(room.__path__, prefix) if not m.ispkg)


def _assigned(module: str) -> list[str]:
    """Return the upper-case names that a module gives a value, in their order."""
    source = Path(str(importlib.import_module(f"{room.__name__}.{module}").__file__)).read_text("utf-8")
    names = []
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            names += [at.id for at in ast.walk(target) if isinstance(at, ast.Name) and at.id.isupper()]
    return names


def _numbers(value: object) -> Iterator[tuple[str, float]]:
    """Yield (place, number) of a number, a tuple of numbers, a table of numbers, or what a signal expects."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield "", value
    elif isinstance(value, tuple) and all(isinstance(item, int | float) for item in value):
        yield from ((f"[{place}]", item) for place, item in enumerate(value))
    elif isinstance(value, dict) and all(isinstance(item, float) for item in value.values()):
        yield from ((f"[{key}]", item) for key, item in value.items() if item)
    elif isinstance(value, Alternative):
        yield from ((f"[{name}]", getattr(value, name)) for name in ("mean", "sd", "floor", "cap"))


@contextmanager
def turned(knob: Knob) -> Iterator[DetectionSettings]:
    """Yield the settings to scan with while one number has its other value."""
    settings = DetectionSettings()
    if knob.module == SETTINGS:
        yield settings.model_copy(update={knob.name: knob.now})
        return
    with ExitStack() as stack:
        for where, name, value in _signal(knob) if knob.module == _SIGNALS else _constant(knob):
            stack.enter_context(patch.object(where, name, value))
        yield settings


def _signal(knob: Knob) -> Iterator[tuple[object, str, object]]:
    name, of, *_ = knob.name.split(".")
    kind = type(next(signal for signal in SIGNALS if signal.name == name))
    if of == "prior":
        prior: Null = kind.prior
        yield kind, "prior", replace(prior, sd=knob.now)
    else:
        field = "sd" if of == "alternative" else of
        changed: Mapping[str, Any] = {field: knob.now}
        yield kind, "alternative", replace(kind.alternative, **changed)


def _constant(knob: Knob) -> Iterator[tuple[object, str, object]]:
    """Yield the module that gives the name its value, and for a public name those that took it over."""
    home = importlib.import_module(f"{room.__name__}.{knob.module}")
    name, _, place = knob.name.partition("[")
    was = getattr(home, name)
    now = _changed(was, place.rstrip("]"), knob.now)
    yield home, name, now
    if not name.startswith("_"):
        for other in _modules():
            module = importlib.import_module(f"{room.__name__}.{other}")
            if module is not home and getattr(module, name, None) is was:
                yield module, name, now


def _changed(was: object, place: str, now: float) -> object:
    if isinstance(was, tuple):
        return tuple(now if str(at) == place else item for at, item in enumerate(was))
    if isinstance(was, dict):
        return {key: now if str(key) == place else item for key, item in was.items()}
    if isinstance(was, Alternative):
        changed: Mapping[str, Any] = {place: now}
        return replace(was, **changed)
    return now
