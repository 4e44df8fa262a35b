"""C1 to C7: the publicly disclosed campaigns as defaults, and the words of a command line on top of them.

Figures follow the public reports where they give any (rates, sharing, the pivot within 24 hours);
the rest are guesses that a sweep overrides. A preset names what a whole attitude changes at once.
"""

from dataclasses import replace
from typing import Any

from spiritsafe.model.errors import UsageError
from spiritsafe.simulation.prose import kinds
from spiritsafe.simulation.spec import CampaignSpec, override
from spiritsafe.simulation.templates import KINDS

__all__ = ["ARCHETYPES", "check", "parse_campaign"]

_COT, _CODE = "chain_of_thought", "coding_data"

ARCHETYPES: dict[str, CampaignSpec] = {
    "C1": CampaignSpec(
        "C1", 60, elicitation=f"{_COT}+rubric_grading+rewriting", work="maths+proof+chat+writing", cards=8,
        rate=20, cover=0.2, pauses=3,
    ),
    "C2": CampaignSpec(
        "C2", 200, elicitation="agentic+tool_use+coding_data+data_analysis+trace_reconstruction",
        work="agentic+tools+coding+data", cards=4, proxies=20, rate=40, cover=0.3, turns=2,
        vision=0.1,
    ),
    "C3": CampaignSpec(
        "C3", 150, elicitation=f"agentic+{_CODE}", work="agentic+coding", cards=5, proxies=10, rate=40, cover=0.2,
        pivot=24,
    ),
    "C4": CampaignSpec(
        "C4", 400, elicitation=f"{_CODE}+agentic", work="coding+agentic", cards=10, proxies=25, rate=25.6,
        cover=0.3, ban=0.15, lag=8, paraphrase=12,
    ),
    "C5": CampaignSpec(
        "C5", 80, elicitation=f"trace_reconstruction+{_COT}", work="maths+proof", foreign=0.6, cards=4,
        proxies=8, rate=15, cover=0.3, paraphrase=6,
    ),
    "C6": CampaignSpec(
        "C6", 300, elicitation=f"{_COT}+{_CODE}", work="coding+maths+data", cards=3, proxies=30, rate=12,
        cover=0.7, ban=0.4, lag=4, reseller=True, paraphrase=20,
    ),
    "C7": CampaignSpec(
        "C7", 120, elicitation=f"{_CODE}+{_COT}", work="coding+data+proof", cards=2, proxies=6, rate=30, cover=0.4,
        jitter=0.3, paraphrase=0.5, reseller=True,
    ),
}  # fmt: skip

_SHARED: dict[str, dict[str, Any]] = {
    "nothing": {"cards": 0, "proxies": 0, "devices": 0, "signup": 120.0, "age": 10.0},
    "cards": {"proxies": 0, "devices": 0},
    "proxies": {"cards": 0, "devices": 0},
}


def parse_campaign(text: str) -> CampaignSpec:
    """Read ``ARCHETYPE:ACCOUNTS[:key=value,...]``.

    ``shared=nothing`` gives every account its own card, exits and device and spreads the sign-ups;
    ``shared=cards`` and ``shared=proxies`` leave only that one. Keys after it override it.

    Raises:
        UsageError: unknown archetype, key or kind (the legal ones are listed) or an unreadable value.

    >>> parse_campaign("C3:60:cover=.4,rate=20,cards=5").rate
    20.0
    """
    head, _, tail = text.partition(":")
    if head not in ARCHETYPES:
        raise UsageError(f"campaign {text!r}: unknown archetype {head!r}", hint=f"Archetypes: {', '.join(ARCHETYPES)}.")
    size, _, options = tail.partition(":")
    if not (size.isascii() and size.isdigit()):
        raise UsageError(
            f"campaign {text!r}: {size!r} is not a number of accounts", hint="Write ARCHETYPE:ACCOUNTS, as C1:60."
        )
    values = dict(_pair(text, item) for item in options.split(",") if item.strip())
    spec = _preset(replace(ARCHETYPES[head], accounts=int(size)), values.pop("shared", ""))
    return check(override(spec, values))


def check(spec: CampaignSpec) -> CampaignSpec:
    """Return ``spec`` if its kinds of template and work exist.

    Raises:
        UsageError: naming the unknown kind and the known ones.
    """
    for key, known in (("elicitation", KINDS), ("work", sorted(kinds()))):
        for kind in str(getattr(spec, key)).split("+"):
            if kind not in known:
                raise UsageError(
                    f"campaign {spec.archetype}: unknown {key} {kind!r}",
                    hint=f"{key} is '+' between: {', '.join(known)}.",
                )
    return spec


def _pair(text: str, item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise UsageError(f"campaign {text!r}: {item!r} is not key=value", hint="Write options as cover=.4,rate=20.")
    return key.strip(), value.strip()


def _preset(spec: CampaignSpec, shared: str) -> CampaignSpec:
    if shared and shared not in _SHARED:
        raise UsageError(
            f"campaign {spec.archetype}: cannot read shared={shared!r}",
            hint=f"shared takes one of {', '.join(_SHARED)}.",
        )
    return replace(spec, **_SHARED.get(shared, {}))
