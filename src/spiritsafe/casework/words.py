"""Puts numbers, dates and a campaign's finding into words that a person reads once.

Report and terminal say the same thing in the same words because both take them from here; every function is
pure, so that a sentence can be tested without drawing a page.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import floor, log10

from spiritsafe.model.dossier import Dossier, ScanResult
from spiritsafe.model.findings import Campaign, Evidence
from spiritsafe.model.words import Family, Tier

__all__ = [
    "TIER_PERMITS",
    "counted",
    "date",
    "headline",
    "joined",
    "large",
    "minute",
    "period",
    "probability",
    "signed",
    "strongest_families",
    "summary",
    "verdict",
    "worst_q",
]

TIER_PERMITS = {
    Tier.LINKED: "Information only: sharing infrastructure is not guilt, and nothing is done to these accounts.",
    Tier.SUSPECTED: ("Reversible answers only: a rate limit, step-up verification, withheld reasoning or a watermark."),
    Tier.CONFIRMED: (
        "Independent families of evidence agree at the stated false-discovery rate; a person may suspend."
    ),
}

_DOORS = {
    "template": "a shared prompt template",
    "network": "shared infrastructure",
    "rhythm": "a common clock",
    "corpus": "one corpus split between them",
}


def counted(number: int, noun: str) -> str:
    """Say how many, with a regular plural.

    >>> counted(1, "account"), counted(12345, "exchange")
    ('1 account', '12,345 exchanges')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signed(value: float | Decimal, pattern: str = "+.2f") -> str:
    r"""Format a number with a true minus sign.

    >>> signed(1.5), signed(-31.0, ".3g").encode("ascii", "namereplace").decode()
    ('+1.50', '\\N{MINUS SIGN}31')
    """
    return format(value, pattern).replace("-", "\N{MINUS SIGN}")


def large(number: int) -> str:
    """Round to three digits with a word for the size; the exact number belongs beside it.

    >>> large(987), large(52_310), large(1_240_000_000)
    ('987', '52,310', '1.24 billion')
    """
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.3g} {word}"
    return f"{number:,}"


def probability(value: float) -> str:
    r"""Show a probability to two digits, small ones as a power of ten.

    >>> probability(0.0312), probability(0.0)
    ('0.031', '< 10⁻³⁰⁰')
    >>> probability(4.2e-17).encode("ascii", "namereplace").decode()
    '4.2 \\N{MULTIPLICATION SIGN} 10\\N{SUPERSCRIPT MINUS}\\N{SUPERSCRIPT ONE}\\N{SUPERSCRIPT SEVEN}'
    """
    if value <= 0:
        return "< 10⁻³⁰⁰"
    if value >= 0.0001:
        return f"{value:.2g}"
    exponent = floor(log10(value))
    mantissa = value / 10.0**exponent
    if round(mantissa, 1) >= 10:
        mantissa, exponent = 1.0, exponent + 1
    return f"{mantissa:.1f} \N{MULTIPLICATION SIGN} 10{str(exponent).translate(_SUPERSCRIPT)}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def date(timestamp: str) -> str:
    """Render the contract's timestamp text or an ISO day as a day in words.

    >>> date("2025-05-03T08:00:00Z")
    '3 May 2025'
    """
    moment = datetime.fromisoformat(timestamp)
    return f"{moment.day} {moment:%b %Y}"


def period(first: str | None, last: str | None) -> str:
    """Render a span of time in words, UTC.

    >>> period("2025-05-03T08:00:00Z", "2025-06-01T00:00:00Z")
    '3 May to 1 Jun 2025'
    """
    if first is None or last is None:
        return "no period"
    begin, end = date(first), date(last)
    if begin == end:
        return begin
    return f"{begin.removesuffix(end[-5:])} to {end}"


def minute(timestamp: str) -> str:
    """Render the contract's timestamp text to the minute.

    >>> minute("2025-06-14T21:58:40.250000Z")
    '14 Jun 2025 21:58'
    """
    return f"{date(timestamp)} {datetime.fromisoformat(timestamp):%H:%M}"


def joined(words: list[str]) -> str:
    """Join words as a sentence does.

    >>> joined(["corpus", "timing", "payment"])
    'corpus, timing and payment'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def strongest_families(evidence: list[Evidence]) -> list[Family]:
    """Families whose weights sum to more than zero, heaviest first."""
    bits: dict[Family, float] = {}
    for item in evidence:
        bits[item.family] = bits.get(item.family, 0.0) + item.weight_bits
    return [family for family, total in sorted(bits.items(), key=lambda pair: -pair[1]) if total > 0]


def verdict(campaign: Campaign) -> str:
    """Say what the group is, no more than its tier allows."""
    return f"{counted(len(campaign.accounts), 'account')} {_VERDICT[campaign.tier]}"


_VERDICT = {
    Tier.LINKED: "share more than chance explains",
    Tier.SUSPECTED: "look like one distillation campaign",
    Tier.CONFIRMED: "act as one distillation campaign",
}


def summary(campaign: Campaign, dossier: Dossier | None, score: str) -> str:
    """Say in plain language why the group is reported and what it took; ``score`` as the page shows it."""
    found = f"Found through {_DOORS.get(dossier.door, dossier.door)}. " if dossier and dossier.door else ""
    families = [str(family) for family in strongest_families(campaign.evidence)]
    why = f"{joined(families)} evidence speaks" if families else "no evidence speaks"
    why = why[0].upper() + why[1:]
    return f"{found}{why} for it; the score is {score} bits after what speaks against it. {_taken(campaign, dossier)}"


def _taken(campaign: Campaign, dossier: Dossier | None) -> str:
    when = period(campaign.first_seen, campaign.last_seen).replace(" to ", " and ")
    when = f"Between {when}" if " and " in when else f"On {when}"
    asked = _mostly(dossier.capability_mix) if dossier else ""
    return (
        f"{when} they sent {counted(campaign.exchanges, 'exchange')} and received "
        f"{large(campaign.output_tokens)} output tokens{', mostly ' + asked if asked else ''}."
    )


def _mostly(mix: Mapping[str, int]) -> str:
    """Name the one or two entries that make up most of a mix, each with its share."""
    total = sum(mix.values())
    if total == 0:
        return ""
    heaviest = sorted(mix.items(), key=lambda pair: (-pair[1], pair[0]))[:2]
    named = [f"{name.replace('_', ' ')} ({n / total:.0%})" for name, n in heaviest if n / total >= 0.15]
    return joined(named) if named else ""


def headline(result: ScanResult) -> str:
    """Say what the scan found, as one line.

    Linked groups are counted apart, because they are no finding of abuse.
    """
    tiers = [campaign.tier for campaign in result.findings.campaigns]
    alone = sum(1 for account in result.findings.accounts if account.campaign is None)
    acted = [f"{tiers.count(tier)} {tier}" for tier in (Tier.CONFIRMED, Tier.SUSPECTED) if tier in tiers]
    linked = tiers.count(Tier.LINKED)
    campaigns = f"{counted(len(tiers) - linked, 'campaign')}: {joined(acted)}" if acted else "No campaign found"
    others = [counted(number, noun) for number, noun in ((linked, "linked group"), (alone, "lone account")) if number]
    return "; ".join([campaigns, *others])


def worst_q(result: ScanResult) -> float | None:
    """Return the largest q-value among suspected and confirmed campaigns, None where there are none."""
    values = [c.q_value for c in result.findings.campaigns if c.tier is not Tier.LINKED]
    return max(values, default=None)
