"""How a row that was pseudonymised elsewhere writes its identifiers, so that a scan loses nothing.

A gateway or an edge that keeps addresses to itself still has to say in one column what a scan would have made of them:
a pseudonym in every epoch in force, the network beside the address, and what the network serves as, which nobody can
look up from a pseudonym. One form for writer and reader, or they would drift apart::

    9f86d081884c7d65                                    a pseudonym
    9f86d081884c7d65,60303ae22b998861                   in the newest epoch, and in the one before
    9f86d081884c7d65/60303ae22b998861                   an address and its network, each once or in two epochs
    9f86d081884c7d65;vpn,Example%20Lab                  with tags, percent-encoded (RFC 3986)

The network of a shared exit is left out unless all of it is one; see ``ingest.traits``.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

__all__ = ["Told", "read_told"]

_WORD = "[0-9a-fA-F]{16}"
_FORM = re.compile(rf"({_WORD}(?:,{_WORD})?)(?:/({_WORD}(?:,{_WORD})?))?(?:;([^;]+))?")
_BITS = 2**64


@dataclass(frozen=True, slots=True)
class Told:
    """What one column of one row says.

    Attributes:
        single: the identifier's pseudonyms, int64, newest epoch first; one or two.
        wide: likewise those of an address's network; none where it is not told.
        tags: what the network serves as, or whose it is.
    """

    single: tuple[int, ...]
    wide: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the form.

        >>> str(Told((1, -1), (2,), ("vpn", "Example Lab")))
        '0000000000000001,ffffffffffffffff/0000000000000002;vpn,Example%20Lab'
        """
        network = f"/{_words(self.wide)}" if self.wide else ""
        tags = ",".join(quote(tag, safe="") for tag in self.tags)
        return f"{_words(self.single)}{network}{f';{tags}' if tags else ''}"


def read_told(text: str) -> Told | None:
    """Return what a column says, None if it is in no form of ours.

    >>> read_told("000000000000000a/ffffffffffffffff")
    Told(single=(10,), wide=(-1,), tags=())
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    single, wide, tags = found.groups()
    named = dict.fromkeys(unquote(tag) for tag in (tags or "").split(",") if tag)
    return Told(_values(single), _values(wide or ""), tuple(named))


def _words(values: tuple[int, ...]) -> str:
    return ",".join(f"{value % _BITS:016x}" for value in values)


def _values(words: str) -> tuple[int, ...]:
    return tuple(int.from_bytes(bytes.fromhex(word), "big", signed=True) for word in words.split(",") if word)
