"""Dictionaries from an id to what is said of it, filled a line at a time.

``setdefault`` for all ids of a line in one call, because a dictionary of a million ids is looked at in memory and
not in a cache: one look per id is most of what loading costs, and a second one would double it.
"""

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Generic, TypeVar

from spiritsafe.model.errors import InputError

__all__ = ["Index", "refuse_control", "repeated"]

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
_T = TypeVar("_T")


class Index(Generic[_T]):
    """Id -> what is said of it, each thing once.

    Args:
        same: whether two things say the same, so that an id may have only one of them.

    Attributes:
        found: the dictionary.
    """

    def __init__(self, same: Callable[[_T, _T], bool]) -> None:
        self._same = same
        self.found: dict[str, tuple[_T, ...]] = {}

    def add(self, ids: Sequence[str], said: tuple[_T], column: str) -> None:
        """Say one thing of several ids.

        Args:
            ids: whom it is about.
            said: the thing, in a tuple that all of them share.
            column: where the ids stand.

        Raises:
            InputError: of one of them it has been said already.
        """
        before = len(self.found)
        had = list(map(self.found.setdefault, ids, repeat(said)))
        fresh = len(self.found) - before
        if fresh == len(ids):
            return
        if sum(one is said for one in had) != fresh:
            raise repeated(column)
        for name, one in zip(ids, had, strict=True):
            if one is not said:
                self._extend(name, said[0], column)

    def _extend(self, name: str, thing: _T, column: str) -> None:
        known = self.found[name]
        if any(self._same(one, thing) for one in known):
            raise repeated(column)
        self.found[name] = (*known, thing)


def repeated(column: str) -> InputError:
    """Return the error that something is said twice."""
    return InputError("says again what an earlier row or id says", column=column, hint="Leave one of them out.")


def refuse_control(ids: Sequence[str], column: str) -> None:
    """Refuse ids that could end a line where they are shown.

    Raises:
        InputError: one holds a control character or a line separator.
    """
    if not "".join(ids).isprintable() and any(map(_CONTROL.search, ids)):
        raise InputError("an id holds control characters", column=column, hint="Leave it out or give it another id.")
