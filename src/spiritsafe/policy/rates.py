"""Rates and the bounds they make: so many requests and so many tokens in a time.

Time is whole microseconds, because a bucket that adds floats up for a year drifts.
"""

import re

import msgspec

from spiritsafe.model.errors import ConfigError

__all__ = ["UNBOUNDED", "Bounds", "Rate"]

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MULTIPLES = {"": 1, "k": 1_000, "M": 1_000_000}
_RATE = re.compile(r"(\d{1,12})([kM]?)/(\d{0,6})([smhd])")
_MOST = 10**12
_LONGEST_S = 3_660 * 86_400
"""Ten years: Lua counts microseconds exactly up to 2**53, and a bucket reaches two periods into the future."""


class Rate(msgspec.Struct, frozen=True, order=True):
    """At most ``amount`` in any ``period_us``, all of it at once if need be.

    Attributes:
        amount: 1 or more; also how much may come in one burst.
        period_us: microseconds in which as much is granted again.
    """

    amount: int
    period_us: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``60/m``, ``2M/h`` or ``500/10s``.

        >>> Rate.parse("90k/m")
        Rate(amount=90000, period_us=60000000)

        Raises:
            ConfigError: it is none.
        """
        found = _RATE.fullmatch(text)
        amount = int(found[1]) * _MULTIPLES[found[2]] if found else 0
        seconds = int(found[3] or 1) * _SECONDS[found[4]] if found else 0
        if not 0 < amount <= _MOST or not 0 < seconds <= _LONGEST_S:
            raise ConfigError(f"{text[:40]!r} is no rate", hint="Write it as 60/m, 2M/h or 500/10s.")
        return cls(amount, seconds * 1_000_000)

    def __str__(self) -> str:
        """Return what :meth:`parse` reads.

        >>> str(Rate.parse("90k/m")), str(Rate.parse("7/90s"))
        ('90000/m', '7/90s')
        """
        seconds = self.period_us // 1_000_000
        unit = next((name for name, size in _SECONDS.items() if size == seconds), None)
        return f"{self.amount}/{unit or f'{seconds}s'}"

    @property
    def seconds(self) -> int:
        """The period in seconds."""
        return self.period_us // 1_000_000


class Bounds(msgspec.Struct, frozen=True):
    """What one subject may take; None is no bound."""

    requests: Rate | None = None
    tokens: Rate | None = None

    def __bool__(self) -> bool:
        return self.requests is not None or self.tokens is not None


UNBOUNDED = Bounds()
