"""What a request asks for, and the request as it goes on to the model.

Of the body only the top is read, and values are passed on as the bytes they were: a number keeps its digits. It is
always put together anew, so that a name given twice is one value to us and to the model. Nothing that steers a
watermark is the client's to say. Sources: OpenAI's and Anthropic's API references; vLLM's ``vllm_xargs`` and
``SamplingParams.extra_args``.
"""

from typing import Any

import msgspec

from spiritsafe.gateway.asgi import Problem
from spiritsafe.gateway.proxy.routes import Dialect

__all__ = ["KEY_ARGUMENT", "NESTED", "STEERING", "Asked"]

KEY_ARGUMENT = "spiritsafe_key_id"
"""Name of the engine's per-request argument that says which watermark key is to be used."""
STEERING = frozenset({"watermarking", "watermark", "watermark_config", "watermark_key", KEY_ARGUMENT})
NESTED = ("vllm_xargs", "extra_args", "extra_body", "sampling_params", "custom_params")
_OUTPUT = {
    Dialect.CHAT: ("max_completion_tokens", "max_tokens"),
    Dialect.COMPLETIONS: ("max_tokens",),
    Dialect.RESPONSES: ("max_output_tokens",),
    Dialect.MESSAGES: ("max_tokens",),
}
_BYTES_A_TOKEN = 4
"""Of English text in common tokenizers; a guess that is settled by what the model counts."""
_MOST = 2**31 - 1


class Asked:
    """One request to the model.

    Args:
        dialect: how it is put.
        body: the request's body.

    Attributes:
        model: which is asked.
        stream: whether the answer is to come piece by piece.
        input_tokens: a guess from the body's size.
        max_tokens: the most that the answer may have, None where that is left open.
        counts_unasked: the client did not ask for the count of tokens that this stream will hold.

    Raises:
        Problem: 400 for a body that is not one JSON object with a model.
    """

    def __init__(self, dialect: Dialect, body: bytes) -> None:
        try:
            self._top: dict[str, msgspec.Raw] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            self.whole: dict[str, Any] = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Problem(400, "The request's body is not one JSON object.") from None
        self.dialect = dialect
        self.model = self.whole.get("model")
        if not isinstance(self.model, str) or not self.model or len(self.model) > 200:
            raise Problem(400, "The request does not say which model it asks.")
        self.stream = self.whole.get("stream") is True
        self.input_tokens = -(-len(body) // _BYTES_A_TOKEN)
        self.max_tokens = self._most()
        self.counts_unasked = False
        self._strip()

    def mark(self, key_id: str) -> None:
        """Have the engine use a watermark key."""
        held = self.whole.get("vllm_xargs")
        arguments = dict(held) if isinstance(held, dict) else {}
        self._set("vllm_xargs", {**arguments, KEY_ARGUMENT: key_id})

    def ask_for_counts(self) -> None:
        """Have a stream of OpenAI's say at its end what was used; others always do."""
        if not self.stream or self.dialect not in {Dialect.CHAT, Dialect.COMPLETIONS}:
            return
        held = self.whole.get("stream_options")
        options = dict(held) if isinstance(held, dict) else {}
        if options.get("include_usage") is not True:
            self.counts_unasked = True
            self._set("stream_options", {**options, "include_usage": True})

    def body(self) -> bytes:
        """Return the request as it goes on."""
        return msgspec.json.encode(self._top)

    def _most(self) -> int | None:
        told = (self.whole.get(name) for name in _OUTPUT.get(self.dialect, ()))
        whole = [value for value in told if isinstance(value, int) and not isinstance(value, bool) and value >= 0]
        return min(whole[0], _MOST) if whole else None

    def _strip(self) -> None:
        """Take out what would steer a watermark."""
        for name in STEERING & self.whole.keys():
            del self.whole[name], self._top[name]
        for name in NESTED:
            held = self.whole.get(name)
            if isinstance(held, dict) and (STEERING & held.keys()):
                self._set(name, {key: value for key, value in held.items() if key not in STEERING})

    def _set(self, name: str, value: object) -> None:
        self.whole[name] = value
        self._top[name] = msgspec.Raw(msgspec.json.encode(value))
