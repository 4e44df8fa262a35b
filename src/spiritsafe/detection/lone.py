"""A lone heavy extractor: one account against its own past and against its peers.

Without a group there is no coordination to test, so the bar is high: volume far above peers, a break
with the account's own past, material worth training on, and hardly anything asked twice must come
together. Weights are bounded log2 likelihood ratios, as for groups; their nulls are this log's own
accounts (median and MAD of all that sent at least ``_LEAST`` exchanges).

Source: PRADA (Juuti et al. 2019) looks at one client's queries alone; its distance statistic fails where
one account sends too little, which is why the peers and the past are asked as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from spiritsafe.detection.calibration import Alternative, Measurement, Null, weigh
from spiritsafe.detection.population import Float, Int, Population, expand
from spiritsafe.detection.signals.elicitation import HARVESTED
from spiritsafe.detection.signals.standing import vouched
from spiritsafe.model.findings import AccountFinding, Evidence, total_bits
from spiritsafe.model.words import Family, Tier

__all__ = ["THRESHOLD_BITS", "Extractor", "lone_extractors", "measure"]

THRESHOLD_BITS = 12.0
"""Four thousand to one: at a thousand accounts and one extractor, still four to one that it is he."""
_LEAST = 300
_VOLUME = Alternative(4.0, 1.5, -2.0, 4.0)
_BREAK = Alternative(4.0, 1.5, -3.0, 4.0)
_MATERIAL = Alternative(0.9, 0.2, -4.0, 3.5)
_NOVELTY = Alternative(1.0, 0.05, -6.0, 2.0)
_SINGLE = Alternative(1.0, 0.1, -3.0, 0.5)


@dataclass(frozen=True)
class Extractor:
    """What was measured of the heavy accounts, arrays of length k.

    Attributes:
        who: account indices.
        volume: log2 of exchanges, in robust standard deviations above the peers.
        surge: log2 of the second half's daily rate over the first half's (or over one a day, if new).
        material: share of exchanges that elicit training material.
        novelty: distinct share of sampled bodies.
        single: share of single turns.
    """

    who: Int
    volume: Float
    surge: Float
    material: Float
    novelty: Float
    single: Float


def lone_extractors(population: Population) -> list[AccountFinding]:
    """Return accounts above the threshold, strongest first; most logs have none."""
    seen = measure(population)
    out = []
    for row, index in enumerate(seen.who.tolist()):
        evidence = _evidence(seen, row, population)
        bits = total_bits(evidence)
        if bits >= THRESHOLD_BITS and all(item.weight_bits > 0 for item in evidence):
            out.append(
                AccountFinding(
                    account_id=population.accounts.ids[index],
                    tier=Tier.SUSPECTED,
                    score_bits=bits,
                    campaign=None,
                    evidence=evidence,
                )
            )
    return sorted(out, key=lambda item: (-item.score_bits, item.account_id))


def measure(population: Population) -> Extractor:
    """Measure every account that is heavy enough to be a lone extractor and that nobody vouches for."""
    accounts, pools = population.accounts, population.pools
    who = np.flatnonzero((accounts.n >= _LEAST) & ~vouched(population) & (accounts.end_users == 0))
    size = population.size
    size_log = np.log2(np.maximum(accounts.n, 1))
    peers = size_log[accounts.n >= 8]
    centre = float(np.median(peers)) if len(peers) else 0.0
    spread = max(1.4826 * float(np.median(np.abs(peers - centre))), 1.0) if len(peers) else 1.0
    asked = pools.elicitations.sum(axis=1)
    material = np.bincount(pools.account, pools.elicitations[:, HARVESTED].sum(axis=1), size)
    known = np.bincount(pools.account, asked, size)
    return Extractor(
        who=who,
        volume=(size_log[who] - centre) / spread,
        surge=_surge(population)[who],
        material=(material / np.maximum(known, 1))[who],
        novelty=_novelty(population)[who],
        single=(accounts.single_turn / np.maximum(accounts.n, 1))[who],
    )


def _surge(population: Population) -> Float:
    """Log2 ratio of late to early daily rate; an account that did not exist early is compared with one a day."""
    day = population.activity_hour // 24
    if not len(day):
        return np.zeros(population.size)
    first, last = int(day.min()), int(day.max())
    middle = (first + last + 1) / 2
    early = np.bincount(population.activity_account, population.activity_n * (day < middle), population.size)
    late = np.bincount(population.activity_account, population.activity_n * (day >= middle), population.size)
    half = max((last - first + 1) / 2, 1.0)
    return np.asarray(np.log2((late / half + 0.5) / (early / half + 0.5)))


def _novelty(population: Population) -> Float:
    """Distinct share of the sampled bodies of each account; 0 without text, which never convicts."""
    pools = population.pools
    account = np.repeat(pools.account, np.diff(pools.offsets))
    at = expand(pools.offsets[:-1], pools.offsets[1:])
    pairs = np.unique(np.stack([account, pools.bodies[at]]), axis=1)
    distinct = np.bincount(pairs[0].astype(np.int64), minlength=population.size)
    total = np.bincount(account, pools.body_n[at], population.size)
    return np.asarray(distinct / np.maximum(total, 1))


def _evidence(seen: Extractor, row: int, population: Population) -> list[Evidence]:
    volume, surge = float(seen.volume[row]), float(seen.surge[row])
    n = int(population.accounts.n[seen.who[row]])
    told = [
        ("lone_volume", Family.VOLUME, volume, Null(0.0, 1.0), _VOLUME,
         f"{n} exchanges, {volume:.1f} robust standard deviations above the median account"),
        ("lone_break", Family.TIMING, surge, Null(0.0, 1.2), _BREAK,
         f"its daily rate grew {2**surge:.1f}-fold from the log's first half to the second"),
        ("lone_material", Family.CONTENT, float(seen.material[row]), Null(0.15, 0.3), _MATERIAL,
         f"{seen.material[row]:.0%} of its exchanges elicit reasoning, grades, traces or rewrites"),
        ("lone_novelty", Family.CORPUS, float(seen.novelty[row]), Null(0.75, 0.2), _NOVELTY,
         f"{seen.novelty[row]:.0%} of its sampled requests were asked once only"),
        ("lone_single_turn", Family.CONTENT, float(seen.single[row]), Null(0.6, 0.35), _SINGLE,
         f"{seen.single[row]:.0%} of its exchanges open and end a conversation"),
    ]  # fmt: skip
    return [
        Evidence(
            signal=name,
            family=family,
            weight_bits=weigh(Measurement(value, 0.02, detail), null, alternative),
            p_value=round(float(ndtr((null.mean - value) / null.sd)), 6),
            detail=detail,
        )
        for name, family, value, null, alternative, detail in told
    ]
