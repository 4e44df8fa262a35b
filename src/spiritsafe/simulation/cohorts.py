"""The look-alikes: who must not be flagged, each as one record of habits.

Data rather than code, because every cohort is a mixture of the same few habits (what is shared, what
the day looks like, where the texts come from); a new look-alike is a new record.
"""

from dataclasses import dataclass
from enum import StrEnum

from spiritsafe.model.words import Programme
from spiritsafe.simulation.networks import Exit
from spiritsafe.simulation.rhythm import Rhythm
from spiritsafe.simulation.roster import GROUP, Client, Makeup, Own

__all__ = ["COHORTS", "FRAMED", "SHELLS", "Cohort", "Corpus", "Scope", "sizes"]


class Scope(StrEnum):
    """Who shares a template."""

    NOBODY = "nobody"
    ACCOUNT = "account"
    GROUP = "group"
    COHORT = "cohort"


class Corpus(StrEnum):
    """Where the bodies come from."""

    OWN = "own"  # an author's own topics and words
    ITEMS = "items"  # the account's own list, gone through again and again
    GROUP_ITEMS = "group_items"  # the group's list: homework, a tutorial's examples
    BENCHMARK = "benchmark"  # a public list that strangers go through
    DEALT = "dealt"  # one pool of the group dealt out, as a campaign does


@dataclass(frozen=True, slots=True)
class Cohort:
    """Habits of one cohort.

    Attributes:
        weight: share in the default mix.
        makeup: what a group shares.
        groups: smallest and largest group.
        rhythm: what a day looks like.
        volume: median and log-sigma of exchanges per account and day.
        length: mean turns of a conversation or items of a run.
        templates: kinds to draw from; empty for bare bodies.
        scope: who shares the template.
        popular: how many distinct templates the whole cohort knows, for `Scope.COHORT`.
        focal: share of the exchanges that go through the template; the rest is plain own work.
        work: kinds of topics.
        topics: topics per account.
        corpus: where bodies come from.
        items: smallest and largest list of items.
        extra: mean number of further sentences in a body.
        repeat: share of exchanges that send the body before once more.
        vision: share of the exchanges that carry an image.
        early: hours until half of the traffic is on a new model; 0 for a habit of each account's own.
        end_users: True if the account passes ids of its own users.
        batch: share of accounts that use the batch operation.
    """

    weight: float
    makeup: Makeup
    groups: tuple[int, int] = (1, 1)
    rhythm: Rhythm = Rhythm.PERSONAL
    volume: tuple[float, float] = (6.0, 0.9)
    length: float = 1.0
    templates: tuple[str, ...] = ()
    scope: Scope = Scope.NOBODY
    popular: int = 1
    focal: float = 0.9
    work: tuple[str, ...] = ("chat", "writing")
    topics: int = 3
    corpus: Corpus = Corpus.OWN
    items: tuple[int, int] = (50, 300)
    extra: float = 0.8
    repeat: float = 0.03
    vision: float = 0.0
    early: float = 0.0
    end_users: bool = False
    batch: float = 0.0


_LIFE = ("chat", "writing", "coding", "chat_es", "chat_de", "chat_fr", "chat_zh", "chat_ja", "maths")
_BUILD = ("coding", "data", "business", "writing", "tools", "agentic", "proof")
_ANYWHERE = (Exit.HOME, Exit.CLOUD)


def _company(exits: tuple[Exit, ...], client: Client, **values: object) -> Makeup:
    """Return an organisation whose accounts share card, mail domain and organisation id."""
    shared: dict[str, object] = {"card": GROUP, "domain": Own.GROUP, "org": Own.GROUP, "burst": 60.0}
    return Makeup(exits, client, **(shared | values))  # type: ignore[arg-type]


COHORTS: dict[str, Cohort] = {
    "humans": Cohort(
        26, Makeup((Exit.HOME, Exit.HOME, Exit.HOME, Exit.VPN), Client.BROWSER, org=Own.NONE),
        length=3.2, work=_LIFE, vision=0.06,
    ),
    "sdk": Cohort(
        14, Makeup(_ANYWHERE, Client.DEFAULT), rhythm=Rhythm.SERVICE, volume=(12, 1.2), length=1.4,
        templates=("persona", "extraction", "coding_data", "chain_of_thought"), scope=Scope.ACCOUNT, focal=0.5,
        work=_BUILD, repeat=0.06,
    ),
    "verified_org": Cohort(
        12, _company((Exit.NAT, Exit.CLOUD), Client.SERVICE, verified=1.0, programme=Programme.ENTERPRISE),
        (1, 12), Rhythm.SERVICE, (18, 1.0), 1.5,
        templates=("rag", "extraction", "persona", "rubric_grading", "chain_of_thought", "tool_use", "agentic"),
        scope=Scope.GROUP, focal=0.8, work=_BUILD, end_users=True, vision=0.03,
    ),
    "eval_harness": Cohort(
        3, Makeup(_ANYWHERE, Client.SERVICE, card=GROUP, domain=Own.ACCOUNT, verified=0.3),
        (1, 3), Rhythm.RUNS, (60, 0.8), 80, templates=("chain_of_thought",), scope=Scope.ACCOUNT, focal=1.0,
        work=("maths", "proof", "coding"), corpus=Corpus.BENCHMARK, items=(150, 600), repeat=0,
    ),
    "judge_ci": Cohort(
        3, Makeup((Exit.CLOUD,), Client.SERVICE, card=GROUP, domain=Own.ACCOUNT, verified=0.3),
        (1, 3), Rhythm.RUNS, (40, 0.7), 40, templates=("rubric_grading",), scope=Scope.ACCOUNT, focal=1.0,
        work=_BUILD, corpus=Corpus.ITEMS, items=(40, 300), repeat=0,
    ),
    "licensed_synthetic": Cohort(
        4, _company((Exit.CLOUD,), Client.DEFAULT, verified=1.0, programme=Programme.LICENSED_DISTILLATION),
        (8, 40), Rhythm.SERVICE, (25, 0.3), templates=("chain_of_thought", "coding_data", "agentic"),
        scope=Scope.GROUP, focal=0.9, work=("coding", "maths", "proof"), corpus=Corpus.DEALT, repeat=0,
    ),
    "nightly_batch": Cohort(
        3, Makeup((Exit.CLOUD,), Client.SERVICE, domain=Own.ACCOUNT, verified=0.4), rhythm=Rhythm.CRON,
        volume=(30, 0.8), length=25, templates=("extraction",), scope=Scope.ACCOUNT, focal=1.0, work=("business",),
        topics=2, repeat=0.04, batch=0.3,
    ),
    "rag_enterprise": Cohort(
        5, _company((Exit.NAT, Exit.CLOUD), Client.SERVICE, one_client=True, verified=0.6),
        (2, 14), Rhythm.OFFICE, (14, 0.8), 1.3, templates=("rag",), scope=Scope.GROUP, focal=1.0,
        work=("business",), extra=5.0,
    ),
    "ide_org": Cohort(
        6, _company((Exit.NAT,), Client.EDITOR, one_client=True, verified=0.5),
        (6, 30), Rhythm.OFFICE, (25, 0.6), 6.0, templates=("ide",), scope=Scope.COHORT, popular=3, focal=1.0,
        work=("coding", "agentic"),
    ),
    "gateway_reseller": Cohort(
        2, _company((Exit.CLOUD,), Client.SERVICE, one_client=True, verified=0.4),
        (1, 4), Rhythm.SERVICE, (60, 0.9), 2.0, work=(*_LIFE, "coding", "data"), topics=12, end_users=True,
    ),
    "university": Cohort(
        6, Makeup((Exit.CGNAT,), Client.BROWSER, domain=Own.GROUP, org=Own.NONE, programme=Programme.EDUCATION,
                  burst=30),
        (20, 60), volume=(5, 0.8), length=2.0, focal=0.5, work=("proof", "coding", "writing"),
        corpus=Corpus.GROUP_ITEMS, items=(15, 40),
    ),
    "cgnat": Cohort(3, Makeup((Exit.CGNAT,), Client.BROWSER, org=Own.NONE), (15, 50), length=2.5, work=_LIFE,
                    vision=0.05),
    "corporate_vpn": Cohort(
        3, Makeup((Exit.NAT, Exit.CGNAT), Client.BROWSER, domain=Own.GROUP), (10, 40), Rhythm.OFFICE, (8, 0.8), 2.0,
        work=("business", "writing", "data", "coding"),
    ),
    "hackathon": Cohort(
        3, Makeup((Exit.CGNAT, Exit.HOME), Client.DEFAULT, burst=2, founded=20), (15, 50), volume=(9, 0.7),
        length=1.5, templates=("tutorial",), scope=Scope.GROUP, focal=0.6, work=_BUILD,
    ),
    "startup_cohort": Cohort(
        3, Makeup(_ANYWHERE, Client.DEFAULT, domain=Own.ACCOUNT, org=Own.ACCOUNT, burst=10, founded=60,
                  programme=Programme.STARTUP, verified=0.2),
        (8, 25), Rhythm.SERVICE, (15, 1.0), 1.5, templates=("persona", "extraction", "agentic"),
        scope=Scope.ACCOUNT, focal=0.7, work=_BUILD,
    ),
    "launch_switcher": Cohort(
        3, Makeup(_ANYWHERE, Client.DEFAULT), rhythm=Rhythm.SERVICE, volume=(12, 0.9), length=1.6,
        templates=("coding_data", "persona"), scope=Scope.ACCOUNT, focal=0.6, work=_BUILD, early=10,
    ),
    "multi_seat": Cohort(
        3, Makeup((Exit.NAT, Exit.HOME), one_client=True, card=GROUP, device=GROUP, domain=Own.GROUP, burst=200),
        (3, 9), Rhythm.SERVICE, (12, 0.8), 1.5, templates=("persona", "extraction", "agentic"),
        scope=Scope.ACCOUNT, focal=0.6, work=_BUILD,
    ),
    "safety_research": Cohort(
        2, Makeup(_ANYWHERE, Client.DEFAULT, card=GROUP, domain=Own.GROUP, org=Own.GROUP,
                  programme=Programme.RESEARCH, verified=0.4),
        (2, 8), Rhythm.RUNS, (25, 0.8), 25, templates=("safety_eval",), scope=Scope.GROUP, work=("safety",),
        topics=2, corpus=Corpus.ITEMS, items=(60, 300),
    ),
    "localisation": Cohort(
        3, _company((Exit.NAT, Exit.HOME), Client.SERVICE, verified=0.4),
        (2, 10), Rhythm.OFFICE, (20, 0.7), templates=("translation",), scope=Scope.GROUP, focal=0.95,
        work=("translate",), topics=1,
    ),
    "framework_users": Cohort(
        5, Makeup(_ANYWHERE, Client.FRAMEWORK), volume=(10, 0.9), length=4.0, templates=("framework",),
        scope=Scope.COHORT, popular=4, work=_BUILD,
    ),
    "benchmark_strangers": Cohort(
        3, Makeup(_ANYWHERE, Client.DEFAULT), rhythm=Rhythm.RUNS, volume=(30, 0.6), length=60,
        templates=("chain_of_thought",), scope=Scope.COHORT, popular=2, focal=0.75, work=("maths", "proof"),
        corpus=Corpus.BENCHMARK, items=(150, 400), repeat=0,
    ),
}  # fmt: skip

FRAMED = Cohort(
    0, _company((Exit.NAT, Exit.CLOUD), Client.DEFAULT, verified=0.5),
    (10, 20), Rhythm.SERVICE, (20, 0.6), 1.2, templates=("chain_of_thought",), scope=Scope.GROUP, work=_BUILD,
)  # fmt: skip
"""The victim of a campaign that copies its network and its template."""

_SHELL = _company((Exit.CLOUD,), Client.DEFAULT, verified=1.0, burst=3.0, founded=10.0)
SHELLS: tuple[Cohort, ...] = (
    Cohort(0, _SHELL, (6, 12), Rhythm.SERVICE, (20, 0.1), templates=("chain_of_thought",), scope=Scope.GROUP,
           focal=1.0, work=("coding", "maths"), corpus=Corpus.DEALT, repeat=0),
    Cohort(0, _SHELL, (6, 12), Rhythm.RUNS, (60, 1.5), 120, templates=("agentic",), scope=Scope.GROUP, focal=1.0,
           work=("agentic",), corpus=Corpus.GROUP_ITEMS, items=(10, 2_000), repeat=0.5),
    Cohort(0, _SHELL, (6, 12), Rhythm.CRON, (40, 0.1), 40, templates=("rubric_grading",), scope=Scope.GROUP,
           focal=1.0, work=("proof",), corpus=Corpus.DEALT, repeat=0),
)  # fmt: skip
"""Self-declared organisations that behave as oddly as a null would have to be stretched."""


def sizes(accounts: int) -> dict[str, int]:
    """Return accounts per cohort in the default mix, by largest remainder.

    >>> sum(sizes(1_000).values())
    1000
    """
    total = sum(cohort.weight for cohort in COHORTS.values())
    exact = {name: accounts * cohort.weight / total for name, cohort in COHORTS.items()}
    floor = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: floor[name] - exact[name])[: accounts - sum(floor.values())]
    return {name: floor[name] + (name in rest) for name in exact}
