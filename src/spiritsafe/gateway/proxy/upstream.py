"""The model behind the gateway: one pool of connections, and what of a request's headers goes on.

aiohttp and not httpx, because its parser is compiled and its streams push back. Answers are asked for uncompressed:
what is read, measured and cut must not have to be inflated first. Source: RFC 9110, 7.6.1 (what is for one hop only).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from spiritsafe.gateway.asgi import Headers
from spiritsafe.gateway.identity import CLAIMS

__all__ = ["TimeLimits", "Upstream", "returned"]

_ONE_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
_OURS = frozenset({b"host", b"content-length", b"accept-encoding", b"expect", b"content-encoding"})
_RETURNED = _ONE_HOP | {b"content-length", b"date", b"server"}
_OWN_PREFIX = b"x-spiritsafe-"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that the model may take.

    Attributes:
        connect_s: to accept a connection.
        silence_s: between two pieces of an answer, and before the first.
    """

    connect_s: float = 5.0
    silence_s: float = 600.0


class Upstream:
    """The model's API.

    Args:
        base: its URL up to where paths begin.
        limits: how long it may take.
        key: sent instead of the client's own, for a gateway that keeps the provider's keys.
    """

    def __init__(self, base: str, limits: TimeLimits, key: str | None = None) -> None:
        self._base, self._limits, self._key = base.rstrip("/"), limits, key
        self._pool: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool, in the loop that uses it; see :class:`spiritsafe.gateway.app.Part`."""
        self._pool = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Content-Type", "Accept"),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._limits.connect_s, sock_read=self._limits.silence_s
            ),
            trust_env=False,
        )

    async def send(
        self, method: str, raw_path: bytes, query: bytes, headers: Headers, body: bytes
    ) -> aiohttp.ClientResponse:
        """Send a request on and return the answer once its headers are there.

        Args:
            method: in capitals.
            raw_path: as it was sent.
            query: likewise.
            headers: the client's.
            body: of the request.

        Raises:
            aiohttp.ClientError: there is none.
            TimeoutError: not in time.
        """
        target = f"{self._base}{raw_path.decode('latin-1')}" + (f"?{query.decode('latin-1')}" if query else "")
        if self._pool is None:
            raise RuntimeError("the pool is not open")
        return await self._pool.request(
            method,
            URL(target, encoded=True),
            headers=self._passed(headers),
            data=body or None,
            allow_redirects=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.close()

    def _passed(self, headers: Headers) -> list[tuple[str, str]]:
        dropped = _ONE_HOP | _OURS | CLAIMS | _named(headers)
        kept = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in headers
            if name not in dropped and not name.startswith(_OWN_PREFIX)
        ]
        if self._key is not None:
            kept = [(name, value) for name, value in kept if name not in {"authorization", "x-api-key", "api-key"}]
            kept += [("authorization", f"Bearer {self._key}"), ("x-api-key", self._key)]
        return [*kept, ("accept-encoding", "identity")]


def returned(raw_headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return what of an answer's headers goes back to the client."""
    headers = [(name.lower(), value) for name, value in raw_headers]
    dropped = _RETURNED | _named(headers)
    return [(name, value) for name, value in headers if name not in dropped and not name.startswith(_OWN_PREFIX)]


def _named(headers: Headers) -> set[bytes]:
    """Return the headers that a connection header names: they are for one hop only, too."""
    named = (value for name, value in headers if name == b"connection")
    return {part.strip().lower() for value in named for part in value.split(b",")}
