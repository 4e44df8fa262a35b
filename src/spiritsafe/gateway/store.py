"""The connection to Valkey or Redis: one script a call, within a time, and no password in any message.

Every failure becomes one error, because callers do the same about all of them: go on without the store.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from spiritsafe.model.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["TIMEOUT_S", "Store", "StoreGoneError", "script"]

TIMEOUT_S = 0.05
"""A store that has not answered after so many seconds is taken for gone: a request must not wait for it."""
_CONNECTIONS = 64
_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss", "unix": "unix"}
_CODE = re.compile(r"[A-Z]{2,20}\b")


class StoreGoneError(OutsideError):
    """The store cannot be reached, did not answer in time, or refused; whether it did something is unknown."""


class Store:
    """A Valkey or Redis server, reached from one event loop.

    Args:
        url: ``valkey://``, ``valkeys://`` (TLS), ``redis://``, ``rediss://`` or ``unix://``; may hold a password.
        timeout_s: seconds for a call, connecting included.

    Raises:
        ConfigError: the URL is none, or the client library is not installed.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.place, speakable = _read(url)
        self._timeout_s = timeout_s
        self._client = _client(speakable, self.place, timeout_s)

    async def run(self, name: str, keys: Sequence[str], words: Sequence[str | int]) -> Any:
        """Return what a packaged script answers.

        Args:
            name: the script's: ``reserve`` or ``settle``.
            keys: all in one slot of a cluster.
            words: its arguments.

        Raises:
            StoreGoneError: no answer.
        """
        return await self._in_time(self._evaluated(name, [*keys, *words], len(keys)))

    async def probe(self) -> None:
        """Return if the store takes writes, over a new connection; those to a server that died are let go.

        Raises:
            StoreGoneError: it does not.
        """
        await self._client.connection_pool.disconnect(inuse_connections=False)
        await self._in_time(self._client.set("{spiritsafe}:probe", 1, px=1_000))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _evaluated(self, name: str, words: list[str | int], keys: int) -> Any:
        from redis.exceptions import NoScriptError  # noqa: PLC0415 - only who has a store has the library

        text, digest = script(name)
        try:
            return await self._client.evalsha(digest, keys, *words)
        except NoScriptError:  # a server that was started anew
            return await self._client.eval(text, keys, *words)

    async def _in_time(self, call: Awaitable[Any]) -> Any:
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreGoneError(
                f"the limit store at {self.place} failed: {_reason(error)}",
                hint="Check that it runs, can be reached from here and takes writes.",
            ) from None  # the cause may quote the URL


def _reason(error: Exception) -> str:
    """Return the kind of an error and the store's own code for it, such as READONLY, and none of its words."""
    code = _CODE.match(str(error))
    return f"{type(error).__name__} {code[0]}" if code else type(error).__name__


def _read(url: str) -> tuple[str, str]:
    """Return where a URL leads, without any secret, and the URL in the library's words."""
    try:
        parts = urlsplit(url)
        scheme = _SCHEMES[parts.scheme]
        place = parts.path if scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
    except (KeyError, ValueError):
        raise _no_url() from None
    if parts.query or parts.fragment:  # what is more often an unescaped character of the password than an option
        raise _no_url()
    return place, parts._replace(scheme=scheme).geturl()


def _no_url() -> ConfigError:
    return ConfigError(
        "the URL of the limit store cannot be read",
        hint="Write it as valkey://user:password@host:6379/0, valkeys:// for TLS, or unix:///path; "
        "percent-encode other characters of the password than letters and digits.",
    )


def _client(url: str, place: str, timeout_s: float) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigError(
            f"limits in the store at {place} need the redis package",
            hint="Install it: pip install 'spiritsafe[gateway]'",
        ) from None
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=None,  # the call's own time counts, and one timer is cheaper than two
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),  # whoever calls decides whether to try again
        )
    except ValueError:
        raise _no_url() from None
    return Redis.from_pool(pool)


@cache
def script(name: str) -> tuple[str, str]:
    """Return a packaged script and the digest that the store knows it by."""
    text = files("spiritsafe.gateway").joinpath(f"{name}.lua").read_text("utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
