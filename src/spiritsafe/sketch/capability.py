"""What an exchange asks the model to be good at: from its metadata first, from its words otherwise.

An offered tool or an attached image is a fact, a classified prompt an estimate; the fact wins.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.words import Capability

__all__ = ["CAPABILITIES", "pick_capability"]

CAPABILITIES: tuple[Capability, ...] = tuple(Capability)
"""What a sketch's ``capability`` indexes."""

AGENT_MESSAGES = 4
"""Messages from which a request with tools is a loop, not a single call."""


def pick_capability(
    scores: NDArray[np.float32],
    tools: NDArray[np.int64],
    images: NDArray[np.int64],
    messages: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Return int8[N], indices into ``CAPABILITIES``.

    Args:
        scores: float32[N, capabilities] logits of the words.
        tools: tools offered.
        images: images in the request.
        messages: messages in the request.
    """
    chosen = scores.argmax(axis=1)
    in_tools = np.isin(chosen, [_index(Capability.COMPUTER_USE), _index(Capability.AGENTIC)])
    looped = np.where(messages >= AGENT_MESSAGES, _index(Capability.AGENTIC), _index(Capability.TOOL_USE))
    chosen = np.where((tools > 0) & ~in_tools, looped, chosen)
    return np.where((images > 0) & (tools == 0), _index(Capability.VISION), chosen).astype(np.int8)


def _index(capability: Capability) -> int:
    return CAPABILITIES.index(capability)
