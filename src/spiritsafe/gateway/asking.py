"""Asks a gateway over HTTP, for a program that must not wait for it.

A few failures in a row and it is left alone for a while; then one question, and no more, finds out whether it is back.
"""

import asyncio
import logging
from time import monotonic
from typing import Any, TypeAlias

import aiohttp

__all__ = ["Asking", "Json"]

Json: TypeAlias = dict[str, Any]
_log = logging.getLogger(__name__)
_FAILURES = 3
"""So many in a row and it is gone; one alone may be a hiccup."""
_LONGEST_S = 30.0
_NO_SUCH = 404


class Asking:
    """Asks one gateway.

    Args:
        url: of the gateway.
        token: the operator's, if it has one.

    Attributes:
        losses: how often it was found to be gone.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.losses = 0
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failures, self._again, self._pause_s = 0, 0.0, 1.0

    async def ask(self, path: str, question: Json, *, timeout_s: float) -> Json | None:
        """Return the answer, None where there is none: the gateway is gone, or refuses to speak with us.

        Args:
            path: of the route.
            question: its body.
            timeout_s: how long to wait.
        """
        if self._rests():
            return None
        try:
            async with self._opened().post(
                self._url + path, json=question, timeout=aiohttp.ClientTimeout(total=timeout_s)
            ) as answer:
                if answer.status >= 400:
                    return self._refused(path, answer.status)
                told: Json = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._failed(type(error).__name__)
            return None
        self._worked()
        return told

    async def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            await self._session.close()

    def _refused(self, path: str, status: int) -> Json | None:
        """Take note of a refusal; what is not there to be settled is nobody's fault."""
        if status == _NO_SUCH:
            self._worked()
            return {}
        _log.error("the gateway refuses what it is asked", extra={"path": path, "status": status})
        if status in {401, 403} or status >= 500:
            self._failed(f"status {status}")
        return None

    def _rests(self) -> bool:
        """Return whether it is left alone now; the first who comes after a pause tries it."""
        if self._failures < _FAILURES:
            return False
        now = monotonic()
        if now < self._again:
            return True
        self._again = now + self._pause_s
        return False

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures < _FAILURES:
            return
        if self._failures == _FAILURES:
            self.losses += 1
            _log.error("the gateway is gone", extra={"reason": reason})
        self._again = monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_S)

    def _worked(self) -> None:
        if self._failures >= _FAILURES:
            _log.warning("the gateway is back")
        self._failures, self._pause_s = 0, 1.0

    def _opened(self) -> aiohttp.ClientSession:
        """Return a session of the running loop: callbacks are run in more than one."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._session, self._loop = aiohttp.ClientSession(headers=self._headers), loop
        return self._session
