"""LiteLLM's proxy asks a gateway: before each call whether it may pass, and behind it what it used and what was said.

A callback of LiteLLM's (``litellm_settings: callbacks: spiritsafe.gateway.litellm.enforce``). It holds no policy and no
limits and stays small in LiteLLM's process; what decides, counts and keeps is a ``spiritsafe gateway`` beside it.

An account is a virtual key, an organisation whoever holds it, as in LiteLLM's logs (``ingest.readers.litellm``): what a
scan of these finds can be put into a policy as it is. Sources: LiteLLM's ``CustomLogger`` and ``ProxyLogging``;
https://docs.litellm.ai/docs/proxy/call_hooks.
"""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import Any
from urllib.parse import urlsplit

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

from spiritsafe.gateway.asking import Asking, Json
from spiritsafe.gateway.litellm_bodies import Dropped, Shown, bare, dialect_of, estimated, mark, plain, unreadable
from spiritsafe.gateway.problems import DECISION, STOPPED
from spiritsafe.model.words import Action

__all__ = ["Enforcing", "enforce"]

_OURS = "spiritsafe"
"""Where LiteLLM's metadata of a call hold what was decided."""
_DEFAULT_USER = "default_user_id"
_NOBODY = "without-key"
"""The account of everybody where LiteLLM asks for no key."""
_BESIDE_S = 10.0
_NOT_REACHED = frozenset({"APIConnectionError", "Timeout", "ProxyException", "HTTPException", "RouterRateLimitError"})
"""Exceptions of calls that never came to the model, by name: LiteLLM has several classes of each."""
_GONE = 499


class Enforcing(CustomLogger):
    """What LiteLLM calls; hand an instance of this very class to it, for it looks at no parents.

    Args:
        url: of the gateway.
        token: the operator's, for a gateway on another machine.
        closed: refuse calls while the gateway is gone; else they pass undecided.
        timeout_s: seconds that a call waits for a decision.
        appeal: where the sender of a stopped request can object.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8711",
        *,
        token: str | None = None,
        closed: bool = False,
        timeout_s: float = 0.5,
        appeal: str | None = None,
    ) -> None:
        super().__init__()
        self._asking, self._closed, self._timeout_s, self._appeal = Asking(url, token), closed, timeout_s, appeal

    @classmethod
    def of(cls, told: Mapping[str, str]) -> "Enforcing":
        """Return one as environment variables say."""
        file = told.get("SPIRITSAFE_LITELLM_TOKEN_FILE")
        return cls(
            told.get("SPIRITSAFE_LITELLM_URL", "http://127.0.0.1:8711"),
            token=Path(file).read_text("ascii").strip() if file else None,
            closed=told.get("SPIRITSAFE_LITELLM_ON_LOSS", "open") == "closed",
            timeout_s=float(told.get("SPIRITSAFE_LITELLM_TIMEOUT_S", "0.5")),
            appeal=told.get("SPIRITSAFE_LITELLM_APPEAL"),
        )

    async def close(self) -> None:
        """Let go of the gateway."""
        await self._asking.close()

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Json, call_type: str) -> Json:  # noqa: ARG002 - LiteLLM calls by name
        """Decide a call.

        Raises:
            ProxyException: it is stopped.
        """
        held = _metadata(data)
        held.pop(_OURS, None)  # metadata may be the client's own
        bare(data)
        dialect = dialect_of(call_type)
        if dialect is None:
            return data
        call = _call(user_api_key_dict, data, held) | {"dialect": dialect}
        answer = await self._asking.ask("/v1/decide", _question(call, data), timeout_s=self._timeout_s)
        if answer:
            self._obey(answer, call, data, call_type)
        elif self._closed:
            raise _problem(503, "The gateway that decides about calls is not there; try again later.", wait=1)
        if dialect == "chat" and data.get("stream") is True:
            call["unasked"] = _ask_for_counts(data)
        held[_OURS] = call
        return data

    def _obey(self, answer: Json, call: Json, data: Json, call_type: str) -> None:
        action = Action(answer["action"])
        if not action.passes:
            status, title = STOPPED[action]
            raise _problem(status, title, str(action), answer, self._appeal)
        call |= {"decision_id": answer["decision_id"], "withhold": answer["withhold"]}
        if call["withhold"] and unreadable(call_type):
            raise _problem(403, "This account cannot use this route.", "withhold", answer, self._appeal)
        if answer["watermark"]:
            mark(data, answer["watermark"])

    async def async_post_call_success_hook(self, data: Json, user_api_key_dict: Any, response: Any) -> Any:  # noqa: ARG002
        """Return the answer as its client gets it."""
        call = _held(data)
        return Shown(call["dialect"]).whole(response) if call.get("withhold") else response

    async def async_post_call_streaming_iterator_hook(
        self,
        user_api_key_dict: Any,  # noqa: ARG002
        response: Any,
        request_data: Json,
    ) -> AsyncGenerator[Any, None]:
        """Pass a stream on as its client gets it."""
        call = _held(request_data)
        withheld, unasked = call.get("withhold"), call.get("unasked")
        shown = Shown(call.get("dialect", ""))
        async for item in response:
            if unasked and _is_count(item):
                continue
            passed = shown.event(item) if withheld else item
            if passed is not Dropped:
                yield passed

    async def async_log_success_event(self, kwargs: Json, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Settle and tell a call that was answered."""
        params = kwargs.get("litellm_params") or {}
        call = _held(params) or _held(kwargs)
        if not call:
            return
        payload = kwargs.get("standard_logging_object") or {}
        used = {name: int(payload.get(said) or 0) for name, said in _COUNTED}
        await self._settle(call, **used, reached=True)
        asked, answer = params.get("proxy_server_request"), plain(response_obj)
        await self._tell(call, asked, 200, answer=answer, begun=start_time, ended=end_time)

    async def async_post_call_failure_hook(
        self,
        request_data: Json,
        original_exception: Exception,
        user_api_key_dict: Any,  # noqa: ARG002
        traceback_str: str | None = None,  # noqa: ARG002
    ) -> None:
        """Settle and tell a call that failed for good; LiteLLM logs each attempt, and tells this once."""
        call = _held(request_data)
        if not call:
            return
        status = _status(original_exception)
        reached = status == _GONE or type(original_exception).__name__ not in _NOT_REACHED
        await self._settle(call, reached=reached)
        await self._tell(call, request_data.get("proxy_server_request"), status)

    async def _settle(self, call: Json, *, input_tokens: int = 0, output_tokens: int = 0, reached: bool) -> None:
        if "decision_id" not in call:
            return
        names = ("decision_id", "account_id", "organization_id")
        used = {"input_tokens": input_tokens, "output_tokens": output_tokens, "reached": reached}
        await self._asking.ask("/v1/settle", {name: call[name] for name in names} | used, timeout_s=_BESIDE_S)

    async def _tell(
        self, call: Json, asked: Any, status: int, *, answer: Any = None, begun: Any = None, ended: Any = None
    ) -> None:
        """Have the call captured."""
        asked = asked if isinstance(asked, dict) else {}
        started_us = _microseconds(begun) or call["started_at"]
        took_ms = ((_microseconds(ended) or time_ns() // 1_000) - started_us) // 1_000
        told = {name: call[name] for name in (*_IDS, "model", "client_ip", "user_agent", "decision_id") if name in call}
        told |= {"path": urlsplit(str(asked.get("url") or "")).path or _PATHS[call["dialect"]], "status": status}
        told |= {"started_at": started_us, "duration_ms": max(took_ms, 0), "request": plain(asked.get("body"))}
        await self._asking.ask("/v1/captured", told | {"response": answer}, timeout_s=_BESIDE_S)


_IDS = ("account_id", "organization_id", "key_id")
_COUNTED = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
_PATHS = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "plain": "/",
}


def _metadata(data: Json) -> Json:
    """Return what LiteLLM keeps of a call; where ``metadata`` is the model's, it has a name of its own."""
    name = "litellm_metadata" if isinstance(data.get("litellm_metadata"), dict) else "metadata"
    if not isinstance(data.get(name), dict):
        data[name] = {}
    held: Json = data[name]
    return held


def _held(data: Json) -> Json:
    """Return what the decision left of a call; nothing where there was none."""
    for name in ("litellm_metadata", "metadata"):
        holder = data.get(name)
        if isinstance(holder, dict) and isinstance(holder.get(_OURS), dict):
            held: Json = holder[_OURS]
            return held
    return {}


def _call(user: Any, data: Json, held: Json) -> Json:
    """Return whose call it is, and what else will be told of it."""
    key = getattr(user, "api_key", None)
    if key and key.startswith("sk-"):
        key = sha256(key.encode()).hexdigest()
    person = getattr(user, "user_id", None)
    own = person if person != _DEFAULT_USER else None
    request = data.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, dict) else None
    return {
        "account_id": key or person or _NOBODY,
        "organization_id": getattr(user, "org_id", None) or getattr(user, "team_id", None) or own,
        "key_id": key,
        "model": data["model"] if isinstance(data.get("model"), str) else None,
        "client_ip": held.get("requester_ip_address") or None,
        "user_agent": headers.get("user-agent") if isinstance(headers, dict) else None,
        "started_at": time_ns() // 1_000,
    }


def _question(call: Json, data: Json) -> Json:
    most = next((data[name] for name in _OUTPUT if isinstance(data.get(name), int) and data[name] >= 0), None)
    told = {name: call[name] for name in (*_IDS, "model", "client_ip")}
    return told | {"input_tokens": estimated(data), "max_tokens": None if most is None else min(most, 2**31 - 1)}


_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def _ask_for_counts(data: Json) -> bool:
    """Have a stream say at its end what was used; True if the client did not ask for it."""
    held = data.get("stream_options")
    options = dict(held) if isinstance(held, dict) else {}
    if options.get("include_usage") is True:
        return False
    data["stream_options"] = options | {"include_usage": True}
    return True


def _is_count(item: Any) -> bool:
    """Return whether a chunk holds nothing but the count of tokens."""
    if getattr(item, "usage", None) is None:
        return False
    return not any(plain(choice).get("finish_reason") or _says(choice) for choice in getattr(item, "choices", ()))


def _says(choice: Any) -> bool:
    return any(plain(getattr(choice, "delta", None) or {}).values())


def _problem(
    status: int,
    title: str,
    kind: str = "unavailable",
    answer: Json | None = None,
    appeal: str | None = None,
    *,
    wait: int | None = None,
) -> ProxyException:
    """Return a refusal in the form that LiteLLM and its clients know, with the problem's members in it."""
    told = answer or {}
    wait = wait or told.get("retry_after")
    headers = {"retry-after": str(wait)} if wait else {}
    if "decision_id" in told:
        headers[DECISION.decode()] = told["decision_id"]
    members = {"title": title, "status": status, "decision_id": told.get("decision_id"), "appeal": appeal}
    members["retry_after"] = wait
    return ProxyException(
        title,
        f"urn:spiritsafe:{kind}",
        None,
        status,
        headers,
        provider_specific_fields={name: value for name, value in members.items() if value is not None},
    )


def _status(error: Exception) -> int:
    """Return what the client got; LiteLLM's exceptions have it as a number or as text, under two names."""
    told = (str(getattr(error, name, "")) for name in ("status_code", "code"))
    return next((int(text) for text in told if re.fullmatch("[45][0-9]{2}", text)), 500)


def _microseconds(moment: Any) -> int | None:
    """Return a time of LiteLLM's; without a zone it is this machine's."""
    return int(moment.astimezone(UTC).timestamp() * 1e6) if isinstance(moment, datetime) else None


enforce = Enforcing.of(os.environ)
"""The callback, as the environment says: ``SPIRITSAFE_LITELLM_URL``, ``_TOKEN_FILE``, ``_ON_LOSS`` (open or closed),
``_TIMEOUT_S`` and ``_APPEAL``."""
