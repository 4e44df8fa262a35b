"""Messages of a GenAI span, wherever its version of the conventions has put them.

Since 1.37 they are attributes that hold all messages; before, they were events, one per message; OpenLLMetry and
OpenInference number attributes. All become one list of messages first, so that what a prompt is has one answer.
Sources: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/ (1.36 and 1.41) and as in ``genai``.
"""

from typing import Any

from spiritsafe.wire.messages import Answer, Asked, answer, asked_of, count, spelt
from spiritsafe.wire.objects import Record, first

__all__ = ["answered", "asked", "tools"]

_DETAILS = "gen_ai.client.inference.operation.details"
_ROLES = {f"gen_ai.{role}.message": role for role in ("system", "user", "assistant", "tool")}
_MOST_DIGITS = 6


def asked(span: Record) -> Asked:
    """Return what the request's messages say."""
    holder = _holder(span, "gen_ai.input.messages")
    system = spelt(_holder(span, "gen_ai.system_instructions").get("gen_ai.system_instructions"))
    given = spelt(holder.get("gen_ai.input.messages"))
    if given is None:
        attributes = span["attributes"]
        given = (
            [_event(event) for event in span["events"] if event["name"] in _ROLES]
            or _numbered(attributes, "gen_ai.prompt", "llm.prompts", "llm.input_messages")
            or spelt(_of_event(span, "gen_ai.content.prompt", "gen_ai.prompt"))
            or spelt(first(attributes, "gen_ai_prompt"))
            or spelt(attributes.get("gen_ai.prompt"))
        )
    return asked_of(given, system)


def answered(span: Record) -> Answer:
    """Return what the model answered, of several choices the first."""
    holder = _holder(span, "gen_ai.output.messages")
    made = spelt(holder.get("gen_ai.output.messages"))
    if made is None:
        attributes = span["attributes"]
        made = (
            [_choice(event) for event in span["events"] if event["name"] == "gen_ai.choice"]
            or _numbered(attributes, "gen_ai.completion", "llm.completions", "llm.output_messages")
            or spelt(_of_event(span, "gen_ai.content.completion", "gen_ai.completion"))
            or spelt(attributes.get("gen_ai.completion"))
        )
    return answer(made[:1] if isinstance(made, list) else made)


def tools(attributes: Record) -> int | None:
    """Return how many tools were offered, None where the span does not say."""
    listed = count(attributes.get("gen_ai.tool.definitions"))
    if listed is not None:
        return listed
    return len(_groups(attributes, "llm.tools", "llm.request.functions")) or None


def _holder(span: Record, name: str) -> Record:
    """Return the attributes that hold ``name``: the span's, or those of the event that may carry it."""
    if name in span["attributes"]:
        return dict(span["attributes"])
    details = (event["attributes"] for event in span["events"] if event["name"] == _DETAILS)
    return next((held for held in details if name in held), {})


def _of_event(span: Record, event_name: str, name: str) -> object:
    return next((event["attributes"].get(name) for event in span["events"] if event["name"] == event_name), None)


def _event(event: Record) -> Record:
    held = event["attributes"]
    role = held.get("role")
    return {"role": role if isinstance(role, str) else _ROLES[event["name"]], "content": spelt(held.get("content"))}


def _choice(event: Record) -> Record:
    held = event["attributes"]
    message = spelt(held.get("message"))
    inside = message if isinstance(message, dict) else {"content": message}
    return {**inside, "finish_reason": held.get("finish_reason")}


def _groups(attributes: Record, *prefixes: str) -> dict[int, Record]:
    """Return attributes ``prefix.<number>.<rest>`` by number and rest, of the first prefix that any has."""
    starts = tuple(prefix + "." for prefix in prefixes)
    names = [name for name in attributes if name.startswith(starts)]
    groups: dict[int, Record] = {}
    for start in starts if names else ():
        for name in names:
            number, _, rest = name.removeprefix(start).partition(".")
            if name.startswith(start) and number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS:
                groups.setdefault(int(number), {})[rest.removeprefix("message.")] = attributes[name]
        if groups:
            break
    return groups


def _numbered(attributes: Record, *prefixes: str) -> list[Record]:
    """Return messages whose parts are attributes of their own."""
    groups = _groups(attributes, *prefixes)
    return [_message(groups[number]) for number in sorted(groups)]


def _message(held: Record) -> Record:
    pieces = [_piece(piece) for _, piece in sorted(_groups(held, "contents").items())]
    content: Any = spelt(held.get("content")) if held.get("content") is not None else pieces or None
    return {
        "role": held.get("role"),
        "content": content,
        "tool_calls": list(_groups(held, "tool_calls").values()),
        "finish_reason": held.get("finish_reason"),
    }


def _piece(held: Record) -> Record:
    kind = held.get("message_content.type", "text")
    return {"type": kind, "text": held.get("message_content.text")}
