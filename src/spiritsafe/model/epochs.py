"""Pseudonym epochs: which are in force when, and where a pseudonym carries its own.

A pseudonym that never changes lets whoever steals a key follow a person for ever, one that changes on
a date cuts every campaign that spans the date. Epochs that overlap do neither: each lasts ``length``
and starts ``length - overlap`` after the one before, and an identifier seen while two are in force
gets a pseudonym in both. Any stretch of time no longer than ``overlap`` then lies wholly in one epoch:
if it begins in the first ``length - overlap`` of an epoch, as every moment does, it ends before that
epoch does. Accounts of such a campaign therefore share pseudonyms of one epoch from start to end.

The price is that one shared identifier may be seen as two or more shared values. The epoch sits in
the low byte of the value, so that evidence can be summed per epoch and the strongest epoch taken.
"""

from dataclasses import dataclass

from spiritsafe.model.errors import ConfigError
from spiritsafe.model.words import TraitKind

__all__ = ["EPOCH_MASK", "PSEUDONYMISED", "Epochs"]

EPOCH_MASK = 0xFF
"""``value & EPOCH_MASK`` is the epoch, modulo 256, of a pseudonym in ``traits.value``."""

PSEUDONYMISED = frozenset(
    {
        TraitKind.IP,
        TraitKind.PREFIX,
        TraitKind.PAYMENT,
        TraitKind.DEVICE,
        TraitKind.EMAIL,
        TraitKind.PHONE,
        TraitKind.SIGNUP_IP,
        TraitKind.SIGNUP_PREFIX,
        TraitKind.END_USER,
    }
)
"""Traits whose values are pseudonyms."""

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Epochs:
    """A calendar of overlapping epochs, numbered from the one that starts at the Unix epoch.

    Attributes:
        length_days: how long an epoch is in force.
        overlap_days: how long two are; at most half the length, so that never three are.

    Raises:
        ConfigError: if the overlap is longer than half the length.
    """

    length_days: int
    overlap_days: int

    def __post_init__(self) -> None:
        if not 0 <= 2 * self.overlap_days <= self.length_days:
            raise ConfigError(
                f"privacy.overlap_days: {self.overlap_days} is more than half of epoch_days ({self.length_days})",
                hint="Shorten the overlap or lengthen the epoch.",
            )

    @property
    def step_us(self) -> int:
        """Microseconds from one epoch's start to the next one's."""
        return (self.length_days - self.overlap_days) * _DAY_US

    @property
    def overlap_us(self) -> int:
        """Microseconds that an epoch stays in force after the next one starts."""
        return self.overlap_days * _DAY_US

    def newest(self, when_us: int) -> int:
        """Return the epoch that started last."""
        return when_us // self.step_us

    def active(self, when_us: int) -> tuple[int, ...]:
        """Return the one or two epochs in force, oldest first.

        >>> Epochs(length_days=90, overlap_days=45).active(50 * 86_400_000_000)
        (0, 1)
        """
        newest = self.newest(when_us)
        in_overlap = when_us - newest * self.step_us < self.overlap_us
        return (newest - 1, newest) if in_overlap else (newest,)

    def whole(self, first_us: int, last_us: int) -> int | None:
        """Return an epoch in force from ``first_us`` to ``last_us``, None if the stretch needs several.

        Never None for a stretch of at most ``overlap_days``.
        """
        common = set(self.active(first_us)) & set(self.active(last_us))
        return max(common, default=None)

    def between(self, first_us: int, last_us: int) -> range:
        """Return every epoch in force at some time from ``first_us`` to ``last_us``."""
        return range(self.active(first_us)[0], self.newest(last_us) + 1)
