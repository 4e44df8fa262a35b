"""The look-alikes: who must not be flagged, each as one record of habits.

Data rather than code, because every cohort is a mixture of the same few habits (what is shared, what
the day looks like, where the texts come from); a new look-alike is a new record.
"""

from dataclasses import dataclass
from enum import StrEnum

from spiritsafe.model.words import Programme
from spiritsafe.simulation.rhythm import Rhythm
from spiritsafe.simulation.roster import Exit, Makeup

__all__ = ["COHORTS", "Cohort", "Corpus", "Scope", "sizes"]


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
    BENCHMARK = "benchmark"  # a public list that the whole cohort goes through
    DEALT = "dealt"  # one pool of the group dealt out, as a campaign does


@dataclass(frozen=True, slots=True)
class Cohort:
    """Habits of one cohort.

    Attributes:
        weight: share in the default mix.
        groups: smallest and largest group.
        makeup: what a group shares.
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
        tools: tools offered.
        early: hours until half of the traffic is on a new model; 0 for a habit of each account's own.
        end_users: True if the account passes ids of its own users.
        batch: share of accounts that use the batch operation.
    """

    weight: float
    groups: tuple[int, int] = (1, 1)
    makeup: Makeup = Makeup()
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
    tools: int = 0
    early: float = 0.0
    end_users: bool = False
    batch: float = 0.0


_LIFE = ("chat", "writing", "coding", "chat_es", "chat_de", "chat_fr", "chat_zh", "chat_ja", "maths")
_BUILD = ("coding", "data", "business", "writing", "tools", "agentic", "proof")
_CLOUDY = (Exit.HOME, Exit.CLOUD)
_COMPANY = Makeup(exits=(Exit.NAT,), card="group", domain="group", org="group", verified=0.5, burst=40)

COHORTS: dict[str, Cohort] = {
    "humans": Cohort(
        weight=26, makeup=Makeup(exits=(Exit.HOME, Exit.HOME, Exit.HOME, Exit.VPN), client="browser", org="none"),
        length=3.2, work=_LIFE,
    ),
    "sdk": Cohort(
        weight=14, makeup=Makeup(exits=_CLOUDY, client="default"), rhythm=Rhythm.SERVICE, volume=(12, 1.2),
        length=1.4, templates=("persona", "extraction", "coding_data", "chain_of_thought"), scope=Scope.ACCOUNT,
        focal=0.5, work=_BUILD, repeat=0.06,
    ),
    "verified_org": Cohort(
        weight=12, groups=(1, 12),
        makeup=Makeup((Exit.NAT, Exit.CLOUD), "service", card="group", domain="group", org="group", verified=1.0,
                      programme=Programme.ENTERPRISE, burst=60),
        rhythm=Rhythm.SERVICE, volume=(18, 1.0), length=1.5,
        templates=("rag", "extraction", "persona", "rubric_grading", "chain_of_thought", "tool_use", "agentic"),
        scope=Scope.GROUP, focal=0.8, work=_BUILD, end_users=True,
    ),
    "eval_harness": Cohort(
        weight=3, groups=(1, 3), makeup=Makeup(_CLOUDY, "service", card="group", domain="own", verified=0.3),
        rhythm=Rhythm.RUNS, volume=(60, 0.8), length=80, templates=("chain_of_thought",), scope=Scope.ACCOUNT,
        focal=1.0, work=("maths", "proof", "coding"), corpus=Corpus.BENCHMARK, items=(150, 600), repeat=0,
    ),
    "judge_ci": Cohort(
        weight=3, groups=(1, 3), makeup=Makeup((Exit.CLOUD,), "service", card="group", domain="own", verified=0.3),
        rhythm=Rhythm.RUNS, volume=(40, 0.7), length=40, templates=("rubric_grading",), scope=Scope.ACCOUNT,
        focal=1.0, work=_BUILD, corpus=Corpus.ITEMS, items=(40, 300), repeat=0,
    ),
    "licensed_synthetic": Cohort(
        weight=4, groups=(8, 40),
        makeup=Makeup((Exit.CLOUD,), "default", card="group", domain="group", org="group", verified=1.0,
                      programme=Programme.LICENSED_DISTILLATION, burst=10),
        rhythm=Rhythm.SERVICE, volume=(25, 0.3), templates=("chain_of_thought", "coding_data", "agentic"),
        scope=Scope.GROUP, focal=0.9, work=("coding", "maths", "proof"), corpus=Corpus.DEALT, repeat=0,
    ),
    "nightly_batch": Cohort(
        weight=3, makeup=Makeup((Exit.CLOUD,), "service", domain="own", verified=0.4), rhythm=Rhythm.CRON,
        volume=(30, 0.8), length=25, templates=("extraction",), scope=Scope.ACCOUNT, focal=1.0, work=("business",),
        topics=2, repeat=0.04, batch=0.3,
    ),
    "rag_enterprise": Cohort(
        weight=5, groups=(2, 14), makeup=Makeup((Exit.NAT, Exit.CLOUD), "service", True, "group", domain="group",
                                              org="group", verified=0.6, burst=90),
        rhythm=Rhythm.OFFICE, volume=(14, 0.8), length=1.3, templates=("rag",), scope=Scope.GROUP, focal=1.0,
        work=("business",), extra=5.0,
    ),
    "ide_org": Cohort(
        weight=6, groups=(6, 30), makeup=Makeup((Exit.NAT,), "editor", True, "group", domain="group", org="group",
                                              verified=0.5, burst=20),
        rhythm=Rhythm.OFFICE, volume=(25, 0.6), length=6.0, templates=("ide",), scope=Scope.COHORT, popular=2,
        focal=1.0, work=("coding", "agentic"), tools=6,
    ),
    "gateway_reseller": Cohort(
        weight=2, groups=(1, 4), makeup=Makeup((Exit.CLOUD,), "service", True, "group", domain="group", org="group",
                                             verified=0.4),
        rhythm=Rhythm.SERVICE, volume=(60, 0.9), length=2.0, work=(*_LIFE, "coding", "data"), topics=12,
        end_users=True,
    ),
    "university": Cohort(
        weight=6, groups=(20, 60), makeup=Makeup((Exit.CGNAT,), "browser", domain="group", org="none",
                                               programme=Programme.EDUCATION, burst=30),
        volume=(5, 0.8), length=2.0, work=("proof", "coding", "writing"), corpus=Corpus.GROUP_ITEMS, items=(15, 40),
        focal=0.5, templates=("persona",), scope=Scope.NOBODY,
    ),
    "cgnat": Cohort(
        weight=3, groups=(15, 50), makeup=Makeup((Exit.CGNAT,), "browser", org="none"), length=2.5, work=_LIFE,
    ),
    "corporate_vpn": Cohort(
        weight=3, groups=(10, 40), makeup=Makeup((Exit.NAT, Exit.CGNAT), "browser", domain="group", org="mixed"),
        rhythm=Rhythm.OFFICE, volume=(8, 0.8), length=2.0, work=("business", "writing", "data", "coding"),
    ),
    "hackathon": Cohort(
        weight=3, groups=(15, 50), makeup=Makeup((Exit.CGNAT, Exit.HOME), "default", burst=2, org="mixed"),
        volume=(9, 0.7), length=1.5, templates=("tutorial",), scope=Scope.GROUP, focal=0.6, work=_BUILD,
    ),
    "startup_cohort": Cohort(
        weight=3, groups=(8, 25), makeup=Makeup(_CLOUDY, "default", domain="own", org="own", burst=10,
                                              programme=Programme.STARTUP, verified=0.2),
        rhythm=Rhythm.SERVICE, volume=(15, 1.0), length=1.5, templates=("persona", "extraction", "agentic"),
        scope=Scope.ACCOUNT, work=_BUILD, focal=0.7,
    ),
    "launch_switcher": Cohort(
        weight=3, makeup=Makeup(_CLOUDY, "default"), rhythm=Rhythm.SERVICE, volume=(12, 0.9), length=1.6,
        templates=("coding_data", "persona"), scope=Scope.ACCOUNT, focal=0.6, work=_BUILD, early=10,
    ),
    "multi_seat": Cohort(
        weight=3, groups=(3, 9), makeup=Makeup((Exit.NAT, Exit.HOME), "sdk", True, "group", 9, "group", "mixed"),
        rhythm=Rhythm.SERVICE, volume=(12, 0.8), length=1.5, templates=("persona", "extraction", "agentic"),
        scope=Scope.ACCOUNT, focal=0.6, work=_BUILD,
    ),
    "safety_research": Cohort(
        weight=2, groups=(2, 8), makeup=Makeup(_CLOUDY, "default", card="group", domain="group", org="mixed",
                                             programme=Programme.RESEARCH, verified=0.4),
        rhythm=Rhythm.RUNS, volume=(25, 0.8), length=25, templates=("safety_eval",), scope=Scope.GROUP,
        work=("safety",), topics=2, corpus=Corpus.ITEMS, items=(60, 300),
    ),
    "localisation": Cohort(
        weight=3, groups=(2, 10), makeup=Makeup((Exit.NAT, Exit.HOME), "service", card="group", domain="group",
                                              org="group", verified=0.4),
        rhythm=Rhythm.OFFICE, volume=(20, 0.7), templates=("translation",), scope=Scope.GROUP, focal=0.95,
        work=("translate",), topics=1,
    ),
    "framework_users": Cohort(
        weight=5, makeup=Makeup(_CLOUDY, "framework"), volume=(10, 0.9), length=4.0, templates=("framework",),
        scope=Scope.COHORT, popular=3, focal=0.9, work=_BUILD, tools=4,
    ),
    "benchmark_strangers": Cohort(
        weight=3, makeup=Makeup(_CLOUDY, "default"), rhythm=Rhythm.RUNS, volume=(30, 0.6), length=60,
        templates=("chain_of_thought",), scope=Scope.COHORT, popular=1, focal=0.75, work=("maths", "proof"),
        corpus=Corpus.BENCHMARK, items=(150, 400), repeat=0,
    ),
}  # fmt: skip


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
