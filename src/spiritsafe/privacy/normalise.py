"""Bring an identifier to the one spelling under which it is hashed.

Two spellings of one address would be two pseudonyms and hide a link, so each kind has its rule; a rule
never merges what may belong to two people (dots in a mailbox name stay).
"""

import socket
import unicodedata
from collections.abc import Callable

from spiritsafe.model.words import TraitKind

__all__ = ["NORMALISERS", "PREFIX_BYTES", "ip_address", "ip_prefix"]

_MAPPED = bytes(10) + b"\xff\xff"
PREFIX_BYTES = {4: 3, 16: 6}  # /24 and /48: what one customer line or site usually holds


def ip_address(text: str) -> bytes | None:
    """Return the packed address, IPv4 in IPv6 as IPv4 (RFC 4291, 2.5.5.2), zone dropped; None if invalid.

    >>> ip_address("::ffff:192.0.2.1") == ip_address(" 192.0.2.1 ")
    True
    """
    text = text.strip()
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def ip_prefix(text: str) -> bytes | None:
    """Return the leading bytes of the address's /24 or /48; None if invalid."""
    packed = ip_address(text)
    return None if packed is None else packed[: PREFIX_BYTES[len(packed)]]


def _email(text: str) -> bytes | None:
    return unicodedata.normalize("NFC", text.strip().casefold()).encode() or None


def _phone(text: str) -> bytes | None:
    digits = "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())
    return digits.removeprefix("00").encode() or None


def _opaque(text: str) -> bytes | None:
    return text.strip().encode() or None


NORMALISERS: dict[TraitKind, Callable[[str], bytes | None]] = {
    TraitKind.IP: ip_address,
    TraitKind.SIGNUP_IP: ip_address,
    TraitKind.PREFIX: ip_prefix,
    TraitKind.SIGNUP_PREFIX: ip_prefix,
    TraitKind.EMAIL: _email,
    TraitKind.PHONE: _phone,
    TraitKind.PAYMENT: _opaque,
    TraitKind.DEVICE: _opaque,
    TraitKind.END_USER: _opaque,
}
"""Rule per pseudonymised trait: text -> bytes to hash, None if it is no such identifier."""
