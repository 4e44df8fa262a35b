"""One small world that many tests look at, and a folder of invented 'real' data."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.simulation.worlds import World, WorldSpec, build, parse_campaign

CAMPAIGNS = (
    "C1:40:cover=.4,cards=5,proxies=8,rate=30,deal=0",
    "C4:60:ban=.5,lag=6,cover=.25,template=none",
    "C3:40:shared=nothing,pivot=12,turns=1,paraphrase=0,cover=.5",
    "C5:30:programme=education,verified=1,orgs=one,framed=1,shells=3",
)


@pytest.fixture(scope="session")
def world() -> World:
    campaigns = tuple(parse_campaign(text) for text in CAMPAIGNS)
    return build(WorldSpec(accounts=500, days=10, campaigns=campaigns, seed=7, exchanges_target=40_000))


@pytest.fixture(scope="session")
def exchanges(world: World) -> Callable[..., pa.Table]:
    """Exchanges of accounts whose labels equal the given ones, with the labels joined on."""

    def of(**labels: str) -> pa.Table:
        wanted = world.labels
        for column, value in labels.items():
            wanted = wanted.filter(pc.equal(wanted[column], value))
        return world.exchanges.filter(pc.is_in(world.exchanges["account_id"], wanted["account_id"].combine_chunks()))

    return of


_SETS = (
    "arena_hard", "hh_harmless", "instructwild", "lima", "awesome_prompts", "user_oriented252", "t0_batch", "gsm8k",
    "humaneval", "alpaca_eval", "alpaca", "codealpaca", "evol_code", "simplerl_math", "gorilla_apibench",
    "glaive_toolcall", "gpteacher_toolformer",
)  # fmt: skip


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the expected columns with few, recognisable prompts."""
    folder = tmp_path_factory.mktemp("data")
    for name in _SETS:
        texts = [
            f"In {name} somebody counts {n} lanterns near harbour {n % 7}. What is {n} plus 5?" for n in range(150)
        ]
        (folder / f"prompts_{name}").mkdir()
        pq.write_table(pa.table({"prompt": texts}), folder / f"prompts_{name}" / "data.parquet")
    clients = [0] * 288 + [1] * 288
    times = [600 * bin_ for bin_ in range(288)] * 2
    rates = [1.0 if bin_ % 144 < 72 else 0.0 for bin_ in range(288)] * 2
    keys: dict[str, list[object]] = {"category": ["language"] * 576, "model": ["m"] * 576, "client": list(clients)}
    (folder / "servegen_clients").mkdir()
    pq.write_table(pa.table({**keys, "t": times, "rate": rates}), folder / "servegen_clients" / "rates.parquet")
    tokens = {name: column[::288] for name, column in keys.items()}
    tokens["output_tokens_q"] = [[3.0, 5.0], [4.0, 6.0]]
    pq.write_table(pa.table(tokens), folder / "servegen_clients" / "tokens.parquet")
    (folder / "prism_users").mkdir()
    pq.write_table(pa.table({"user_id": ["a", "a", "b", "c", "c", "c"]}), folder / "prism_users" / "data.parquet")
    return folder
