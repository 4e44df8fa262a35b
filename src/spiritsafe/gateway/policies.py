"""The policy in force: loaded at the start, taken over the API, exchanged while requests are served, undone.

What counts is what lies in the store's folder, so that a policy which another process applied there - the command
line, a node that shares the disk - is taken up within a second, and a restart finds the same one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection

import msgspec

from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.gate import Gate
from spiritsafe.model.errors import InputError, SpiritsafeError, StoreError
from spiritsafe.policy.load import load_table, no_policy
from spiritsafe.policy.table import PolicyTable
from spiritsafe.policy.versions import Versions

__all__ = ["Policies", "load_current"]

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_MOST = 512 << 20
_SECONDS = 120.0


class _Undo(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


def load_current(versions: Versions, *, secret: bytes, trusted: Collection[str]) -> PolicyTable:
    """Return the table of the policy in force, one without rows where there is none.

    Raises:
        StoreError: the folder is damaged.
        InputError: so is the policy.
    """
    kept = versions.current()
    return no_policy() if kept is None else load_table(kept.path, secret=secret, trusted=trusted)


class Policies:
    """Keeps a gate's policy what the folder says.

    Args:
        gate: whose table is exchanged.
        versions: the folder.
        secret: decides when delayed rows bite.
        trusted: public keys of operators whose ``suspend`` rows are taken.
        now_us: the time, microseconds since the epoch, UTC.
    """

    def __init__(
        self, gate: Gate, versions: Versions, *, secret: bytes, trusted: Collection[str], now_us: Callable[[], int]
    ) -> None:
        self._gate, self._versions, self._secret, self._trusted = gate, versions, secret, trusted
        self._now_us = now_us
        self._changing = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._refused: int | None = None

    async def open(self) -> None:
        """Begin to look; see :class:`spiritsafe.gateway.app.Part`."""
        self._watch = asyncio.create_task(self._looking())

    async def close(self) -> None:
        """Stop looking."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch

    async def show(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - a handler's shape
        """Answer ``GET /admin/policy``: the header of the policy in force."""
        await reply(send, msgspec.json.encode(self._gate.table.header))

    async def apply(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /admin/policy``: put the policy in the body in force."""
        content = await body_of(scope, receive, most=_MOST, seconds=_SECONDS)
        who = _operator(scope)
        await self._change(
            lambda: self._versions.apply(
                content, trusted=self._trusted, now_us=self._now_us(), who=who, why="pushed over the API"
            )
        )
        await self.show(scope, receive, send)

    async def undo(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /admin/policy/undo``: go back to the policy before."""
        body = await body_of(scope, receive, most=4_096, seconds=5.0)
        try:
            reason = msgspec.json.decode(body, type=_Undo).reason
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Problem(422, 'Say why: {"reason": "..."}.') from None
        who = _operator(scope)
        await self._change(lambda: self._versions.undo(now_us=self._now_us(), who=who, why=reason[:300]))
        await self.show(scope, receive, send)

    async def _change(self, change: Callable[[], int]) -> None:
        try:
            async with self._changing:
                await asyncio.to_thread(change)
                await self._take_up()
        except InputError as error:
            raise Problem(422, f"The policy was refused: {error.message}") from None
        except StoreError as error:
            raise Problem(409, f"The policy was not changed: {error.message}") from None

    async def _take_up(self) -> None:
        """Load what is current, beside the loop, and exchange it."""
        table = await asyncio.to_thread(load_current, self._versions, secret=self._secret, trusted=self._trusted)
        if table.header.version != self._gate.table.header.version:
            self._gate.table = table
            _log.info("policy in force", extra={"version": table.header.version})

    async def _looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            version = None
            try:
                kept = self._versions.current()
                version = kept.version if kept else 0
                if version in {self._gate.table.header.version, self._refused}:
                    continue
                async with self._changing:
                    await self._take_up()
                self._refused = None
            except SpiritsafeError as error:
                # the policy before stays in force; said once, not every second
                self._refused = version
                _log.error("the policy in the store is not taken up", extra={"reason": error.message})


def _operator(scope: Scope) -> str:
    """Return who changes the policy, by his own word: the token says only that he may."""
    told = next((value for name, value in scope["headers"] if name == b"x-spiritsafe-operator"), b"")
    text: str = told.decode("latin-1")[:100]
    return text if text and text.isprintable() else "operator's token"
