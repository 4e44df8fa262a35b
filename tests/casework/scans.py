"""Builds scan results as detection would leave them: plausible, seeded, and partly hostile."""

import random
from datetime import date, timedelta
from typing import Any

from spiritsafe.model.dossier import (
    Attribution,
    Clearance,
    DailyCount,
    Dossier,
    Exemplar,
    Rule,
    ScanResult,
    SharedTrait,
    Spread,
)
from spiritsafe.model.findings import AccountFinding, Campaign, Evidence, Findings, Scanned, total_bits
from spiritsafe.model.words import Family, Tier

HOSTILE = "<script>window.owned=1</script>\"'><img src=x onerror=alert(1)>&amp;{{7*7}}\u202e\x1b[31m\ud800"
RULE = Rule(fdr=0.01, suspect_fdr=0.05, min_group=8)
FIRST = date(2025, 5, 1)


def weigh(signal: str, family: Family, bits: float, p: float, detail: str) -> Evidence:
    return Evidence(signal=signal, family=family, weight_bits=bits, p_value=p, detail=detail)


def strong_evidence() -> list[Evidence]:
    return [
        weigh("corpus_sharding", Family.CORPUS, 18.412, 3.1e-14,
              "412,906 of 413,220 instances under 6 templates were sent by one member only; honest groups of this "
              "size repeat 22 % to 71 %."),
        weigh("shared_template", Family.CONTENT, 9.706, 4.4e-8,
              "6 templates cover 96.4 % of focal exchanges; 3 accounts outside the group have ever sent one."),
        weigh("load_balance", Family.TIMING, 7.25, 2e-6,
              "Members' daily counts differ by 4.1 %; the median honest group's differ by 118 %."),
        weigh("pooled_clock", Family.TIMING, 4.118, 0.0004,
              "Members start within 2.3 minutes of each other on 41 of 45 days."),
        weigh("model_pivot", Family.PIVOT, 5.93, 8.8e-6,
              "492 of 500 members moved to the new model within 31 hours; 12 % of the population did."),
        weigh("payment_reuse", Family.PAYMENT, 6.302, 1.1e-5,
              "61 cards pay for 500 accounts; by chance 3.2 pairs would share one, 2,041 do."),
        weigh("prefix_concentration", Family.NETWORK, 3.077, 0.0021,
              "Nine /24 prefixes carry 88 % of exchanges; 214 accounts outside use them too."),
        weigh("size_prior", Family.CONTEXT, -7.644, 1.0,
              "One group in 200 of this kind is expected to be a campaign before any behaviour is looked at."),
        weigh("research_programme", Family.CONTEXT, -1.5, 0.41,
              "14 of 500 members are admitted to a research programme; this lowers the odds for them only."),
    ]  # fmt: skip


def campaign(
    name: str, tier: Tier, accounts: list[str], evidence: list[Evidence], *, scale: int = 800, **more: Any
) -> Campaign:
    told: dict[str, Any] = {
        "q_value": 1.7e-9,
        "exchanges": scale * len(accounts),
        "output_tokens": scale * len(accounts) * 1_713,
        "first_seen": "2025-05-01T02:11:09Z",
        "last_seen": "2025-06-14T21:58:40.250000Z",
        "models": ["orion-4", "orion-4-mini", "orion-5"],
        "capabilities": ["reasoning", "coding"],
        "elicitation": ["chain_of_thought"],
    }
    return Campaign(
        id=name, tier=tier, accounts=accounts, evidence=evidence, score_bits=total_bits(evidence), **(told | more)
    )


def daily(days: int, accounts: int, cover: float, rng: random.Random) -> list[DailyCount]:
    counts = []
    for n in range(days):
        pivoted = n >= 24
        for model, share in (
            ("orion-5", 0.85 * pivoted),
            ("orion-4", 0.9 - 0.8 * pivoted),
            ("orion-4-mini", 0.1 * (n >= 22)),
        ):
            focal = int(accounts * 18 * share * rng.uniform(0.9, 1.1))
            if focal:
                rest = int(focal * cover * rng.uniform(0.5, 1.5))
                counts.append(
                    DailyCount(day=(FIRST + timedelta(n)).isoformat(), model=model, exchanges=focal + rest,
                               focal_exchanges=focal, output_tokens=focal * 1_900)
                )  # fmt: skip
    return counts


def hours(members: int, rng: random.Random) -> list[list[int]]:
    """One clock, nights off in UTC+8, a few members replaced after the fourth day."""
    rows = []
    for member in range(members):
        start = 96 if member % 9 == 0 else 0
        rows.append(
            [rng.randint(1, 14) if h >= start and (h + 8) % 24 >= 9 and rng.random() < 0.86 else 0
             for h in range(336)]
        )  # fmt: skip
    return rows


def heat(rng: random.Random) -> list[list[int]]:
    return [
        [rng.randint(300, 900) // (4 if day > 4 else 1) if (hour + 8) % 24 >= 9 else rng.randint(0, 9)
         for hour in range(24)]
        for day in range(7)
    ]  # fmt: skip


def traits(members: int, cards: int, rng: random.Random) -> list[SharedTrait]:
    shared = [
        SharedTrait(kind="payment", family=Family.PAYMENT, label=f"{rng.getrandbits(24):06x}",
                    members=sorted({*range(card * 8, card * 8 + 8), rng.randrange(members)} & set(range(members))),
                    outside=rng.choice([0, 0, 0, 1]), bits=round(rng.uniform(8, 13), 3))
        for card in range(cards)
    ]  # fmt: skip
    shared += [
        SharedTrait(kind="prefix", family=Family.NETWORK, label=f"{rng.getrandbits(24):06x}",
                    members=[m for m in range(members) if m * 5 // members in (n, n + rng.randint(0, 1))],
                    outside=rng.randint(3, 60), bits=round(rng.uniform(2, 5), 3))
        for n in range(4)
    ]  # fmt: skip
    shared.append(
        SharedTrait(kind="template", family=Family.CONTENT, label="a3f9c1", members=list(range(members)), outside=3,
                    bits=11.25)
    )  # fmt: skip
    return shared


def dossier(name: str, members: int, seed: int, **more: Any) -> Dossier:
    rng = random.Random(seed)
    told: dict[str, Any] = {
        "door": "template",
        "daily": daily(45, members, 0.35, rng),
        "heat": heat(rng),
        "account_hours": hours(min(60, members), rng),
        "first_hour": "2025-05-20T00:00:00Z",
        "shared": traits(members, max(2, members // 8), rng),
        "capability_mix": {"reasoning": 251_880, "coding": 101_200, "tool_use": 42_010, "agentic": 18_130},
        "elicitation_mix": {"chain_of_thought": 301_377, "rubric_grading": 61_210, "none": 50_633},
        "exemplars": [
            Exemplar(words="Think step by step and write your full reasoning before the final answer to the problem "
                     "below.", exchanges=212_004, accounts=498, senders=7),
            Exemplar(words="Grade the following answer from 1 to 10 against this rubric and justify each point.",
                     exchanges=61_210, accounts=431, senders=5),
        ],
        "attributions": [
            Attribution(entity="Example Lab Ltd", weight_bits=3.2,
                        detail="Two of nine prefixes are announced by a network that the entity table names."),
        ],
        "spreads": [
            Spread(signal="instance_overlap", value=0.0008, standard_error=0.0002, null_mean=0.42, null_sd=0.11,
                   alternative_mean=0.01),
            Spread(signal="daily_variation", value=0.041, standard_error=0.03, null_mean=1.18, null_sd=0.31,
                   alternative_mean=0.12),
            Spread(signal="single_turn_share", value=0.997, standard_error=0.05, null_mean=0.61, null_sd=0.17,
                   alternative_mean=0.96),
            Spread(signal="pivot_days", value=-31.0, standard_error=0.8, null_mean=0.2, null_sd=1.1,
                   alternative_mean=-9.0),
        ],
        "trimmed": ["acct-90417", "acct-90988"],
        "not_concluded": [
            "Whether the 14 members in a research programme were taken over: nothing in the logs tells it.",
            "No link to any other reported group: the best pair shares 2 prefixes with 214 accounts outside both.",
        ],
    }  # fmt: skip
    return Dossier(id=name, **(told | more))


def findings_of(item: Campaign) -> list[AccountFinding]:
    """Each member's own finding, as detection stores it."""
    found = []
    for n, account in enumerate(item.accounts):
        own = [
            weigh("own_overlap", Family.CORPUS, round(3.1 + n % 7 * 0.13, 3), 0.002, "2 of 801 instances repeated."),
            weigh("own_clock", Family.TIMING, round(1.4 - n % 5 * 0.4, 3), 0.08, "41 of 45 days on the group's clock."),
        ]
        found.append(
            AccountFinding(account_id=account, tier=item.tier, score_bits=total_bits(own), campaign=item.id,
                           evidence=own)
        )  # fmt: skip
    return found


def big_scan() -> ScanResult:
    """Three campaigns: one of 500 members, a small suspected one full of hostile text, a linked one."""
    large = campaign("c-7f21a9", Tier.CONFIRMED, [f"acct-{n:05d}" for n in range(500)], strong_evidence())
    odd = campaign(
        HOSTILE,
        Tier.SUSPECTED,
        [HOSTILE, "x" * 300, *[f"org/{n}" for n in range(22)]],
        [
            weigh(HOSTILE, Family.CORPUS, 8.125, 1e-5, HOSTILE),
            weigh("shared_template", Family.CONTENT, 4.5, 0.001, "2 templates cover 71 % of focal exchanges."),
            weigh("size_prior", Family.CONTEXT, -6.0, 1.0, "One group in 64 of this kind."),
        ],
        scale=310, q_value=0.031, models=[HOSTILE, "orion-5"],
    )  # fmt: skip
    linked = campaign(
        "c-0b77e4", Tier.LINKED, [f"lab-{n}" for n in range(37)],
        [weigh("prefix_concentration", Family.NETWORK, 6.25, 0.0002, "One /24 carries 97 % of exchanges."),
         weigh("size_prior", Family.CONTEXT, -2.0, 1.0, "A campus of this size is common.")],
        scale=64, q_value=0.21, models=[],
    )  # fmt: skip
    loner = AccountFinding(
        account_id="solo-8841", tier=Tier.SUSPECTED, score_bits=6.5, campaign=None,
        evidence=[weigh("own_past", Family.VOLUME, 6.5, 0.0007, "41 times its own median day, 96 % one template.")],
    )  # fmt: skip
    hostile_day = DailyCount(day="2025-05-03", model=HOSTILE, exchanges=600, focal_exchanges=420, output_tokens=90_000)
    return ScanResult(
        findings=Findings(
            version="0.2.0",
            config_digest="9c1e55d0a7b34f21",
            scanned=Scanned(exchanges=3_214_887, accounts=48_210, from_="2025-05-01T00:00:00Z",
                            to="2025-06-15T00:00:00Z", quarantined=12),
            campaigns=[linked, odd, large],
            accounts=[*findings_of(large), *findings_of(odd), loner],
        ),
        dossiers=[
            dossier(large.id, 500, 1),
            dossier(odd.id, 24, 2, door=HOSTILE, daily=[hostile_day], exemplars=[
                Exemplar(words=HOSTILE, exchanges=3, accounts=2, senders=5)], not_concluded=[HOSTILE],
                trimmed=[HOSTILE], capability_mix={HOSTILE: 5, "reasoning": 2}),
            dossier(linked.id, 37, 3, door="network", daily=[], account_hours=[], heat=[[0] * 24] * 7, spreads=[],
                    exemplars=[], attributions=[], trimmed=[], capability_mix={}, elicitation_mix={}),
        ],
        releases={"orion-5": "2025-05-24T16:00:00Z", "orion-4-mini": "2025-05-22T09:00:00Z", HOSTILE:
                  "2025-05-03T12:00:00Z", "orion-3": "2024-11-02T00:00:00Z"},
        cleared=[
            Clearance(accounts=212, organisations=9, door="template", score_bits=-3.5,
                      reason="A public benchmark's harness: 1,904 accounts outside send the same templates.",
                      evidence=[weigh("shared_template", Family.CONTENT, 2.5, 0.09, "11 templates cover 64 %."),
                                weigh("corpus_sharding", Family.CORPUS, -6.0, 0.93, "81 % of instances repeat.")]),
            Clearance(accounts=40, organisations=1, door="network", score_bits=1.25, reason=HOSTILE,
                      evidence=[weigh(HOSTILE, Family.NETWORK, 1.25, 0.2, HOSTILE)]),
        ],
        rule=RULE,
        tested=1_312,
        notes=["No models table was given: prices are not known.", HOSTILE],
    )  # fmt: skip


def empty_scan() -> ScanResult:
    return ScanResult(
        findings=Findings(
            version="0.2.0", config_digest="9c1e55d0a7b34f21", campaigns=[], accounts=[],
            scanned=Scanned(exchanges=51_402, accounts=1_209, from_="2025-05-01T00:00:00Z",
                            to="2025-05-08T00:00:00Z", quarantined=0),
        ),
        dossiers=[], releases={}, cleared=[], rule=RULE, tested=41,
        notes=["The logs carry no payment or device column: those families could tie no one together."],
    )  # fmt: skip
