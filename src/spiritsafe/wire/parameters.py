"""What a client asked for, in a request of OpenAI's or Anthropic's shape.

Apart from the messages, because logs keep one without the other. A value of a wrong type was refused by the API,
or ignored; it is left out here and never a reason to refuse the record. Sources:
https://platform.openai.com/docs/api-reference/chat/create, https://docs.anthropic.com/en/api/messages.
"""

from spiritsafe.wire.messages import count
from spiritsafe.wire.objects import asked, first, truth, whole

__all__ = ["parameters"]


def parameters(body: object) -> dict[str, object]:
    """Return a request's parameters by column.

    >>> parameters({"max_tokens": 10, "stream": True, "n": "many", "tools": [{}]})["tool_count"]
    1
    """
    return {
        "max_tokens": whole(body, "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tokens_to_sample"),
        "temperature": asked(body, "temperature"),
        "n": whole(body, "n"),
        "stream": truth(body, "stream"),
        "logprobs": _logprobs(first(body, "logprobs", "top_logprobs")),
        "thinking_budget": whole(body, "thinking.budget_tokens"),
        "tool_count": count(first(body, "tools", "functions")),
    }


def _logprobs(value: object) -> bool | None:
    """Return whether they were asked for: a truth value in chats, a number of them in the older completions."""
    if isinstance(value, bool):
        return value
    return value > 0 if isinstance(value, int) else None
