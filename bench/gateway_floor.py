"""Servers to hold the gateway against: one that says ok, a model that costs nothing, a proxy that only passes on.

python bench/gateway_floor.py ok|model|pass [UPSTREAM_PORT]
"""

import asyncio
import json
import sys

import aiohttp
import uvicorn
import uvloop

from spiritsafe.gateway.asgi import Receive, Scope, Send, reply
from spiritsafe.gateway.server import Listening, bind

WHOLE = json.dumps(
    {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 100}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 90, "completion_tokens": 100, "total_tokens": 190},
    }
).encode()
CHOICE = b'"choices":[{"index":0,"delta":{"content":"word "}}]'
EVENT = b'data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m",%b}\n\n' % CHOICE


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


async def ok(_: Scope, receive: Receive, send: Send) -> None:
    await _body(receive)
    await reply(send, b"ok")


async def model(_: Scope, receive: Receive, send: Send) -> None:
    asked = json.loads(await _body(receive))
    if not asked.get("stream"):
        await reply(send, WHOLE)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for _ in range(asked["n_events"]):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


class Pass:
    """Passes on with the same client library as the gateway, and does nothing else."""

    def __init__(self, port: int) -> None:
        self._url, self._pool = f"http://127.0.0.1:{port}", None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._pool = self._pool or aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
        async with self._pool.post(self._url + scope["path"], data=await _body(receive)) as answer:
            if answer.content_length is not None:
                await reply(send, await answer.read())
                return
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def main() -> None:
    kind, port = sys.argv[1], int([*sys.argv, "0"][2])
    app = {"ok": ok, "model": model}.get(kind) or Pass(port)
    sock = bind(Listening())
    print(f"port {sock.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[sock]))


if __name__ == "__main__":
    main()
