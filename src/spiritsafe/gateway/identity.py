"""Who sends a request: the account behind its API key, the address that it came from.

Whatever a client writes is the client's word. So an account comes from the key that the request carries, and headers
that name an account, an address or a TLS fingerprint count only from a peer that the operator trusts to have set
them; from anybody else they are dropped before the request goes on. Sources: RFC 9110, 11.6.2; RFC 7239 on why the
rightmost address that is not ours is the one to believe.
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import ip_address, ip_network

import msgspec

from spiritsafe.gateway.asgi import Headers, Problem
from spiritsafe.model.errors import ConfigError

__all__ = ["CLAIMS", "Caller", "Identities", "Known", "Networks"]

_ACCOUNT, _ORGANISATION, _FORWARDED, _JA4 = (
    *(b"x-spiritsafe-account", b"x-spiritsafe-organization"),
    *(b"x-forwarded-for", b"x-ja4"),
)
CLAIMS = frozenset({_ACCOUNT, _ORGANISATION, _FORWARDED, _JA4, b"x-real-ip", b"forwarded"})
"""Headers that say who somebody is: believed of a trusted peer, forwarded of nobody."""
_KEYS = (b"authorization", b"x-api-key", b"api-key")
_LONGEST = 512
_LONGEST_AGENT = 300


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator knows of a key."""

    account_id: str
    organization_id: str | None = None
    key_id: str | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request.

    Attributes:
        account: the account's id; empty where the request carries no key.
        key: the key's id, never the key.
        organisation: the account's, None where that is not known.
        ip: where the client stands, as text; None where a peer that is trusted does not say.
        ja4: its TLS fingerprint, if a trusted peer tells.
        agent: what it calls itself.
    """

    account: str
    key: str | None
    organisation: str | None
    ip: str | None
    ja4: str | None
    agent: str | None


class Networks:
    """Networks whose peers are trusted.

    Args:
        texts: addresses and CIDR blocks.

    Raises:
        ConfigError: one is neither.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        try:
            self._networks = [ip_network(text, strict=False) for text in texts]
        except ValueError as error:
            raise ConfigError(f"gateway.trusted_peers: {error}", hint="Write 10.0.0.0/8 or 2001:db8::1.") from error
        self._known: dict[str, bool] = {}

    def hold(self, address: str | None) -> bool:
        """Return whether an address lies in one of them; text that is no address lies in none."""
        if not self._networks or address is None:
            return False
        if (known := self._known.get(address)) is not None:
            return known
        if len(self._known) > 4_096:
            self._known.clear()
        self._known[address] = held = self._holds(address)
        return held

    def _holds(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain in network for network in self._networks)


class Identities:
    """Tells callers apart.

    Args:
        secret: under which keys become ids where the operator has no map.
        known: SHA-256 of a key in hexadecimal -> what is known of it.
        trusted: peers whose word counts.
    """

    def __init__(self, secret: bytes, known: Mapping[str, Known], trusted: Networks) -> None:
        self._secret, self._known, self._trusted = secret, known, trusted

    def of(self, headers: Headers, peer: str | None) -> Caller:
        """Return who sends a request with these headers over a connection from ``peer``.

        Raises:
            Problem: 400 for headers that leave it open which account is meant.
        """
        told = _told(headers)
        believed = self._trusted.hold(peer)
        account, key, organisation = self._account(told)
        if believed and _ACCOUNT in told:
            account, organisation = _text(told[_ACCOUNT]), None
        if believed and _ORGANISATION in told:
            organisation = _text(told[_ORGANISATION])
        agent = told.get(b"user-agent")
        return Caller(
            account,
            key,
            organisation,
            self._address(told.get(_FORWARDED), peer) if believed else peer,
            _text(told[_JA4]) if believed and _JA4 in told else None,
            None if agent is None else agent[:_LONGEST_AGENT].decode("latin-1"),
        )

    def _account(self, told: Mapping[bytes, bytes]) -> tuple[str, str | None, str | None]:
        keys = {_bare(told[name]) for name in _KEYS if name in told} - {b""}
        if len(keys) > 1:
            raise Problem(400, "The request carries two different API keys.")
        if not keys:
            return "", None, None
        key = keys.pop()
        if b"," in key:  # two headers that a proxy has made one of (RFC 9110, 5.3); no key holds a comma
            raise Problem(400, "The request carries two different API keys.")
        if len(key) > _LONGEST:
            raise Problem(400, "The API key is too long.")
        known = self._known.get(sha256(key).hexdigest()) if self._known else None
        made = hmac.digest(self._secret, key, "sha256")[:16].hex()
        if known is None:
            return made, made, None
        return known.account_id, known.key_id or made, known.organization_id

    def _address(self, forwarded: bytes | None, peer: str | None) -> str | None:
        """Return the last address of the chain that is not a trusted proxy's own."""
        at = peer
        for part in reversed((forwarded or b"").split(b",")):
            text = part.strip().decode("latin-1")
            try:
                ip_address(text)
            except ValueError:
                return at
            at = text
            if not self._trusted.hold(text):
                return at
        return at


def _told(headers: Headers) -> dict[bytes, bytes]:
    """Return headers by name; of those that say who somebody is none may come twice, but for lists."""
    told: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in told:
            if name == _FORWARDED:
                value = told[name] + b"," + value  # noqa: PLW2901 - one list in several lines (RFC 9110, 5.3)
            elif name in CLAIMS or name in _KEYS:
                raise Problem(400, "A header that says who you are is given twice.")
        told[name] = value
    return told


def _bare(value: bytes) -> bytes:
    words = value.split(maxsplit=1)  # at tabs too, as whoever checks the key may
    return words[1].strip() if len(words) == 2 and words[0].lower() == b"bearer" else value.strip()


def _text(value: bytes) -> str:
    text = value.strip().decode("latin-1")
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise Problem(400, "A header that says who you are is empty, too long or not text.")
    return text
