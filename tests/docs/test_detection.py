"""The page on detection says what the code says: ``python -m tests.docs.test_detection`` writes it."""

import inspect
from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import norm

from spiritsafe.detection import campaigns, lone, overlaps
from spiritsafe.detection.calibration import Alternative, Measurement, weigh
from spiritsafe.detection.groups import rhythm
from spiritsafe.detection.scoring import ADDRESS_CAP, FAMILY_CAP, INFRASTRUCTURE_CAP, UNDISPATCHED_FLOOR
from spiritsafe.detection.signals import SIGNALS, Signal
from tests.docs.pages import Written

_ERROR = 0.05
_QUANTILES = (np.arange(4_000) + 0.5) / 4_000


def signals() -> Iterator[str]:
    yield "| signal | family | unit | honest groups | campaigns | bits | null |"
    yield "|---|---|---|---|---|---|---|"
    for signal in SIGNALS:
        prior, other = signal.prior, signal.alternative
        yield (
            f"| `{signal.name}` | {signal.family} | {signal.unit} | {prior.mean:g} ± {prior.sd:g} "
            f"| {other.mean:g} ± {other.sd:g}{_partly(other)} | {other.floor:g} to {other.cap:g} "
            f"| {'adaptive' if signal.adaptive else 'shipped'} |"
        )


def _partly(other: Alternative) -> str:
    return f"; {other.partly.share:.0%}: {other.partly.mean:g} ± {other.partly.sd:g}" if other.partly else ""


def definitions() -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for signal in SIGNALS:
        told.setdefault(_module(signal), []).append(signal.name)
    for text, names in told.items():
        yield f"**{', '.join(f'`{name}`' for name in names)}** - {text}\n"


def _module(signal: Signal) -> str:
    """The docstring of the signal's file, a paragraph a line."""
    module = inspect.getmodule(type(signal))
    text = inspect.getdoc(module) or ""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).replace("``", "`")


def families() -> Iterator[str]:
    yield "| family | at most | at least |"
    yield "|---|---|---|"
    for family, cap in FAMILY_CAP.items():
        yield f"| {family} | {cap:g} | |"
    yield f"| timing and volume together | | {UNDISPATCHED_FLOOR:g} |"
    yield f"| `shared_network` and `shared_signup` together | {ADDRESS_CAP:g} | |"
    yield f"| all infrastructure together | {INFRASTRUCTURE_CAP:g} | |"


def e_values() -> Iterator[str]:
    expected = {signal.name: _expected(signal) for signal in SIGNALS}
    yield "| signal | expected e |"
    yield "|---|---|"
    for name, value in expected.items():
        yield f"| `{name}` | {value:.2f} |"
    yield f"| product of all | {np.prod(list(expected.values())):.1g} |"
    free = [expected[signal.name] for signal in SIGNALS if signal.alternative.floor == 0]
    yield f"| product of those with a floor of zero | {np.prod(free):.2f} |"


def limits() -> Iterator[str]:
    yield "| limit | |"
    yield "|---|---|"
    yield f"| focal exchanges below which a group is not judged | {campaigns._LEAST_EXCHANGES} |"
    yield f"| exchanges on even days below which an account has no rhythm | {rhythm._LEAST} |"
    yield f"| groups that count as tested, at least | {campaigns._LEAST_TESTED} |"
    yield f"| bits by which what is at stake moves a group's e-value, at most | {overlaps._MOST_STAKE:g} |"
    yield f"| bits of behaviour below which nothing is suspected | {campaigns._LEAST_BEHAVIOUR:g} |"
    yield f"| exchanges below which an account is no lone extractor | {lone._LEAST} |"
    yield f"| bits of a lone extractor | {lone.THRESHOLD_BITS:g} |"


def _expected(signal: Signal) -> float:
    drawn = signal.prior.mean + np.hypot(signal.prior.sd, _ERROR) * norm.ppf(_QUANTILES)
    weights = [weigh(Measurement(float(x), _ERROR, ""), signal.prior, signal.alternative) for x in drawn]
    return float(np.mean(np.exp2(weights)))


WRITTEN = [
    Written("detection.md", "signals", signals),
    Written("detection.md", "definitions", definitions),
    Written("detection.md", "families", families),
    Written("detection.md", "e-values", e_values),
    Written("detection.md", "limits", limits),
]


@pytest.mark.parametrize("part", WRITTEN, ids=lambda part: part.name)
def test_the_page_says_what_the_code_says(part: Written) -> None:
    assert part.actual == part.expected, "run: python -m tests.docs.test_detection"


if __name__ == "__main__":
    for each in WRITTEN:
        each.write()
