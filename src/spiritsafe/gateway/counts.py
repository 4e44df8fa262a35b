"""What the gateway counts, and the page on which Prometheus reads it.

Plain integers that one event loop adds to, written out when somebody asks: a client library's counters take a lock
and a microsecond each time. Source: OpenMetrics 1.0 and Prometheus's text format 0.0.4.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable

__all__ = ["CONTENT_TYPE", "Counts", "Timing"]

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_STEPS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Timing:
    """A histogram of seconds."""

    __slots__ = ("_cells", "_sum")

    def __init__(self) -> None:
        self._cells = [0] * (len(_STEPS_S) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._cells[bisect_left(_STEPS_S, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str) -> Iterable[str]:
        """Yield its samples."""
        total = 0
        for step, cell in zip((*_STEPS_S, "+Inf"), self._cells, strict=True):
            total += cell
            yield f'{name}_bucket{{le="{step}"}} {total}'
        yield f"{name}_sum {self._sum:.6f}"
        yield f"{name}_count {total}"


class Counts:
    """Counters, gauges and histograms of one gateway.

    Attributes:
        decisions: by (route, action).
        shadows: by action: what rows that are only measured would have done.
        answers: by (dialect, status).
        tokens: by kind: reserved, used.
        ends: how calls to the model ended.
        first_byte: seconds until the model's first byte.
        gauges: what is read when the page is: name -> (help, value).
    """

    def __init__(self) -> None:
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.shadows: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.tokens: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.first_byte = Timing()
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def page(self) -> bytes:
        """Return all of them as Prometheus reads them."""
        lines = [
            *_head("spiritsafe_decisions_total", "counter", "Decisions by route and action."),
            *(
                f'spiritsafe_decisions_total{{route="{route}",action="{action}"}} {count}'
                for (route, action), count in sorted(self.decisions.items())
            ),
            *_head("spiritsafe_answers_total", "counter", "Answers of the proxy by dialect and status."),
            *(
                f'spiritsafe_answers_total{{dialect="{dialect}",status="{status}"}} {count}'
                for (dialect, status), count in sorted(self.answers.items())
            ),
            *_family("spiritsafe_shadow_total", "What shadow rows would have done.", "action", self.shadows),
            *_family("spiritsafe_tokens_total", "Tokens reserved and used.", "kind", self.tokens),
            *_family("spiritsafe_calls_total", "Calls to the model by how they ended.", "end", self.ends),
            *_head("spiritsafe_first_byte_seconds", "histogram", "Until the model's first byte."),
            *self.first_byte.lines("spiritsafe_first_byte_seconds"),
        ]
        for name, (about, value) in sorted(self.gauges.items()):
            lines += [*_head(name, "gauge", about), f"{name} {value():g}"]
        return "\n".join([*lines, ""]).encode()


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def _family(name: str, about: str, label: str, counts: Counter[str]) -> list[str]:
    samples = [f'{name}{{{label}="{value}"}} {count}' for value, count in sorted(counts.items())]
    return [*_head(name, "counter", about), *samples]
