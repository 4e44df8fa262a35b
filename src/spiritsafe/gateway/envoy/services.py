"""Envoy's two services over gRPC, on a port of their own in the gateway's process and event loop.

- ``envoy.service.auth.v3.Authorization/Check`` decides; see :mod:`spiritsafe.gateway.envoy.check`.
- ``envoy.service.ext_proc.v3.ExternalProcessor/Process`` settles; see :mod:`spiritsafe.gateway.envoy.used`. It is meant
  for ``observability_mode``, in which Envoy waits for nobody; without it, each message is answered at once, unchanged.

Both are for the proxy in front alone: another peer is refused. There is no TLS; let nobody else near the port. Source:
the gRPC Python API, generic handlers.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc

from spiritsafe.gateway.authz import Authz
from spiritsafe.gateway.envoy.check import check
from spiritsafe.gateway.envoy.messages import CheckRequest, CheckResponse, ProcessingRequest, ProcessingResponse
from spiritsafe.gateway.envoy.used import Reading, tokens_of
from spiritsafe.gateway.gate import Gate
from spiritsafe.model.errors import ConfigError

__all__ = ["Services"]

_log = logging.getLogger(__name__)
_INLINE = 1 << 16
"""Bytes of an answer that are read in the event loop; larger ones in a thread."""


class Services:
    """Serves both; a part of the gateway's life.

    Args:
        authz: decides.
        gate: settles.
        host: where to listen.
        port: likewise.
        most: bytes that a message may have.
        drain_s: seconds that calls under way have at the end.
    """

    def __init__(self, authz: Authz, gate: Gate, *, host: str, port: int, most: int, drain_s: float) -> None:
        self._authz, self._gate, self._drain_s, self._most = authz, gate, drain_s, most
        self._place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._server: Any = None

    async def open(self) -> None:
        """Listen.

        Raises:
            ConfigError: it cannot.
        """
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self._most)]
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers(_handlers(self))
        try:
            self._server.add_insecure_port(self._place)
            await self._server.start()
        except RuntimeError:
            raise ConfigError(f"{self._place}: cannot listen there", hint="Choose another gateway.grpc_port.") from None

    async def close(self) -> None:
        """Let calls under way come to their end, for a while."""
        if self._server is not None:
            await self._server.stop(self._drain_s)

    async def check(self, asked: Any, context: Any) -> Any:
        """Answer ``Check``."""
        peer = await self._peer(context)
        async with _reported(context):
            return await check(self._authz, asked, peer)

    async def process(self, messages: AsyncIterator[Any], context: Any) -> None:
        """Answer ``Process``: settle once the answer has ended, or the stream that told of it has."""
        await self._peer(context)
        reading = Reading()
        async with _reported(context):
            try:
                async for message in messages:
                    kind = message.WhichOneof("request")
                    reading.take(kind, message)
                    if kind is not None and not message.observability_mode:
                        await context.write(_unchanged(kind))
                    if reading.ended:
                        return  # which ends the stream; Envoy would keep it for seconds
            finally:
                await self._settle(reading)

    async def _peer(self, context: Any) -> str | None:
        address = _address(context.peer())
        if address is not None and not self._authz.serves(address):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this service is for the proxy in front alone")
        return address

    async def _settle(self, reading: Reading) -> None:
        if not reading.decision or not reading.readable:
            return
        content = reading.content()
        told = reading.status, content, reading.guess
        used = tokens_of(*told) if len(content) <= _INLINE else await asyncio.to_thread(tokens_of, *told)
        if used is None:
            _log.warning("an answer cannot be read; what was reserved for it stays charged")
            return
        await self._gate.settle_by_id(reading.home, reading.decision, used)


@contextlib.asynccontextmanager
async def _reported(context: Any) -> AsyncIterator[None]:
    """End a call that meets a bug without its message, which may hold a request."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("a call over gRPC has met a bug", extra={"kind": type(error).__name__})
        await context.abort(grpc.StatusCode.INTERNAL, "the gateway has met a bug")


def _unchanged(kind: str) -> Any:
    answer = ProcessingResponse()
    getattr(answer, kind).SetInParent()
    return answer


def _address(peer: str) -> str | None:
    """Return the address of a gRPC peer, None for a socket of the file system.

    >>> _address("ipv4:10.0.0.7:4711"), _address("ipv6:%5B::1%5D:4711"), _address("unix:")
    ('10.0.0.7', '::1', None)
    """
    family, _, rest = peer.partition(":")
    if family == "unix":
        return None
    return rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")


def _handlers(services: Services) -> tuple[Any, ...]:
    asked = grpc.unary_unary_rpc_method_handler(
        services.check, CheckRequest.FromString, CheckResponse.SerializeToString
    )
    told = grpc.stream_stream_rpc_method_handler(
        services.process, ProcessingRequest.FromString, ProcessingResponse.SerializeToString
    )
    return (
        grpc.method_handlers_generic_handler("envoy.service.auth.v3.Authorization", {"Check": asked}),
        grpc.method_handlers_generic_handler("envoy.service.ext_proc.v3.ExternalProcessor", {"Process": told}),
    )
