"""A model's API for tests: answers as OpenAI's and Anthropic's do, with reasoning and log-probabilities in them.

What it does is asked for by the model's name: ``breaks`` ends in the middle, ``silent`` says nothing more, ``slow``
waits for :attr:`ModelServer.go_on` between events, ``refuses`` answers 429, ``uncounted`` tells no usage.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any, Self

import uvicorn

from spiritsafe.gateway.asgi import Receive, Scope, Send, reply
from spiritsafe.gateway.server import Listening, bind

WORDS = ["A ", "locked ", "glass ", "box."]
TRACE = ["First I think ", "of whisky, ", "then of excise."]
ANSWER, REASONING = "".join(WORDS), "".join(TRACE)
INPUT, OUTPUT, THOUGHT = 21, 34, 13
LOGPROB = {"token": "A ", "logprob": -0.31, "bytes": [65, 32], "top_logprobs": []}
Json = dict[str, Any]


class ModelServer:
    """The API on a thread; a context manager.

    Attributes:
        requests: (path, headers, body) of each request.
        gone: how many clients left before their answer was whole.
        go_on: lets ``slow`` streams go on.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Json]] = []
        self.gone = 0
        self.go_on = threading.Semaphore(0)
        self._sock = bind(Listening())
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"
        config = uvicorn.Config(self, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve(sockets=[self._sock])))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        asked: Json = json.loads(body) if body else {}
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.requests.append((scope["path"], headers, asked))
        model = asked.get("model", "")
        if model == "refuses":
            await reply(send, b'{"error":{"message":"busy","type":"rate_limit_error"}}', status=429)
        elif asked.get("stream"):
            await self._stream(_EVENTS[scope["path"]](asked), model, receive, send)
        else:
            await self._whole(scope["path"], asked, send)

    async def _whole(self, path: str, asked: Json, send: Send) -> None:
        answer = _WHOLE[path](asked)
        if asked.get("model") == "uncounted":
            answer.pop("usage", None)
        if asked.get("model") == "silent":
            await asyncio.sleep(3_600)
        body = json.dumps(answer).encode()
        if asked.get("model") != "breaks":
            await reply(send, body, headers=[(b"content-type", b"application/json"), (b"x-model", b"yes")])
            return
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body[:40], "more_body": True})
        raise ConnectionError("as it was asked to")

    async def _stream(self, events: list[str], model: str, receive: Receive, send: Send) -> None:
        head = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-model", b"yes")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        left = asyncio.ensure_future(receive())
        async for event in self._paced(events, model):
            if left.done():
                self.gone += 1
                return
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        if model == "silent":
            await left
            self.gone += 1
            return
        if model == "breaks":
            left.cancel()
            raise ConnectionError("as it was asked to")
        await send({"type": "http.response.body", "body": b""})
        left.cancel()

    async def _paced(self, events: list[str], model: str) -> AsyncIterator[str]:
        for at, event in enumerate(events):
            if model in {"breaks", "silent"} and at == len(events) // 2:
                return
            if model == "slow" and at:
                while not self.go_on.acquire(blocking=False):
                    await asyncio.sleep(0.005)
            if model == "uncounted" and '"choices": []' in event:
                continue
            yield event


def _chat(asked: Json) -> Json:
    message = {"role": "assistant", "content": ANSWER, "reasoning_content": REASONING, "refusal": None}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "logprobs": {"content": [LOGPROB], "refusal": None},
    }
    return {"id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice],
            "usage": _openai_usage()}  # fmt: skip


def _openai_usage() -> Json:
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "completion_tokens_details": {"reasoning_tokens": THOUGHT},
    }


def _chat_events(asked: Json) -> list[str]:
    base = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}

    def chunk(delta: Json, finish: str | None = None, logprobs: Json | None = None) -> Json:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}]}

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": piece}) for piece in TRACE]
    chunks += [chunk({"content": word}, logprobs={"content": [LOGPROB], "refusal": None}) for word in WORDS]
    chunks.append(chunk({}, "stop"))
    if asked.get("stream_options", {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": _openai_usage()})
    return [*(f"data: {json.dumps(item)}\n\n" for item in chunks), "data: [DONE]\n\n"]


def _message(asked: Json, content: list[Json]) -> Json:
    usage = {"input_tokens": INPUT, "output_tokens": OUTPUT}
    return {"id": "msg_9", "type": "message", "role": "assistant", "model": asked["model"], "content": content,
            "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}  # fmt: skip


def _messages(asked: Json) -> Json:
    thinking = {"type": "thinking", "thinking": REASONING, "signature": "c2lnbmVk"}
    return _message(asked, [thinking, {"type": "text", "text": ANSWER}])


def _message_events(asked: Json) -> list[str]:
    begun = {**_message(asked, []), "stop_reason": None, "usage": {"input_tokens": INPUT, "output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    blocks: list[tuple[Json, list[Json]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                *({"type": "thinking_delta", "thinking": piece} for piece in TRACE),
                {"type": "signature_delta", "signature": "c2lnbmVk"},
            ],
        ),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in WORDS]),
    ]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT}}, {"type": "message_stop"}]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _response(asked: Json, status: str = "completed") -> Json:
    reasoning = {"type": "reasoning", "id": "rs_9", "summary": [{"type": "summary_text", "text": REASONING}],
                 "encrypted_content": "c2VhbGVk"}  # fmt: skip
    text = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": [LOGPROB]}
    message = {"type": "message", "id": "msg_9", "role": "assistant", "status": "completed", "content": [text]}
    usage = {"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUTPUT,
             "output_tokens_details": {"reasoning_tokens": THOUGHT}, "total_tokens": INPUT + OUTPUT}  # fmt: skip
    whole = status == "completed"
    return {"id": "resp_9", "object": "response", "created_at": 1, "model": asked["model"], "status": status,
            "output": [reasoning, message] if whole else [], "usage": usage if whole else None, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
            "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0}  # fmt: skip


def _response_events(asked: Json) -> list[str]:
    reasoning, message = _response(asked)["output"]
    bare = {**reasoning, "summary": []}
    empty = {**message, "status": "in_progress", "content": []}
    part = {**message["content"][0], "text": "", "logprobs": []}
    at, said = (
        {"item_id": "rs_9", "output_index": 0, "summary_index": 0},
        {"item_id": "msg_9", "output_index": 1, "content_index": 0},
    )
    events: list[Json] = [
        {"type": "response.created", "response": _response(asked, "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": bare},
        {"type": "response.reasoning_summary_part.added", **at, "part": {"type": "summary_text", "text": ""}},
        *({"type": "response.reasoning_summary_text.delta", **at, "delta": piece} for piece in TRACE),
        {"type": "response.reasoning_summary_text.done", **at, "text": REASONING},
        {"type": "response.reasoning_summary_part.done", **at, "part": {"type": "summary_text", "text": REASONING}},
        {"type": "response.output_item.done", "output_index": 0, "item": reasoning},
        {"type": "response.output_item.added", "output_index": 1, "item": empty},
        {"type": "response.content_part.added", **said, "part": part},
        *({"type": "response.output_text.delta", **said, "delta": word, "logprobs": [LOGPROB]} for word in WORDS),
        {"type": "response.output_text.done", **said, "text": ANSWER, "logprobs": [LOGPROB]},
        {"type": "response.content_part.done", **said, "part": message["content"][0]},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        {"type": "response.completed", "response": _response(asked)},
    ]
    return [
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    ]


def _embeddings(asked: Json) -> Json:
    held = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
    return {
        "object": "list",
        "data": held,
        "model": asked["model"],
        "usage": {"prompt_tokens": INPUT, "total_tokens": INPUT},
    }


def _models(asked: Json) -> Json:
    return {"object": "list", "data": [{"id": "m-1", "object": "model", "created": 1, "owned_by": "us"}]}


_WHOLE = {
    "/v1/chat/completions": _chat,
    "/v1/messages": _messages,
    "/v1/responses": _response,
    "/v1/embeddings": _embeddings,
    "/v1/models": _models,
}
_EVENTS = {
    "/v1/chat/completions": _chat_events,
    "/v1/messages": _message_events,
    "/v1/responses": _response_events,
}
