import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.model.columns import ACCOUNTS, EXCHANGES, LABELS, MODELS, Kind, TableSpec
from spiritsafe.model.errors import UsageError
from spiritsafe.simulation.cohorts import COHORTS
from spiritsafe.simulation.worlds import World, WorldSpec, build, parse_campaign, write

_ARROW = {
    Kind.STRING: pa.string(),
    Kind.INT64: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
}
SMALL = WorldSpec(accounts=120, days=4, seed=11, exchanges_target=6_000)
Select = Callable[..., pa.Table]


@pytest.mark.parametrize(
    ("name", "spec"), [("exchanges", EXCHANGES), ("accounts", ACCOUNTS), ("labels", LABELS), ("models", MODELS)]
)
def test_tables_follow_the_contract(world: World, name: str, spec: TableSpec) -> None:
    table = getattr(world, name)
    for field in table.schema:
        column = spec.column(field.name)
        assert column is not None, field.name
        assert field.type == _ARROW[column.kind], field.name
        if column.minimum is not None:
            assert (pc.min(table[field.name]).as_py() or 0) >= column.minimum
        if column.choices:
            assert set(table[field.name].unique().to_pylist()) <= {*column.choices, None}
    for required in spec.required:
        assert table[required].null_count == 0, required


def test_every_exchange_has_an_account_and_every_account_a_label(world: World) -> None:
    accounts = world.accounts["account_id"].to_pylist()
    assert len(set(accounts)) == len(accounts)
    assert world.labels["account_id"].to_pylist() == accounts
    assert set(world.exchanges["account_id"].unique().to_pylist()) <= set(accounts)
    assert len(world.exchanges["exchange_id"].unique()) == world.exchanges.num_rows
    assert set(world.exchanges["model"].unique().to_pylist()) <= set(world.models["model"].to_pylist())


def test_exchanges_are_sorted_and_within_the_days(world: World) -> None:
    at = world.exchanges["started_at"].cast(pa.int64()).to_numpy()
    assert np.all(np.diff(at) >= 0)
    start = int(world.spec.start.timestamp() * 1e6)
    assert at[0] >= start
    assert at[-1] < start + world.spec.days * 86_400e6


def test_nobody_calls_before_signing_up(world: World) -> None:
    first = world.exchanges.group_by("account_id").aggregate([("started_at", "min")])
    both = first.join(world.accounts.select(["account_id", "created_at"]), "account_id")
    assert pc.all(pc.less_equal(both["created_at"], both["started_at_min"])).as_py()


def test_the_background_holds_every_cohort_near_its_target(world: World) -> None:
    honest = world.labels.filter(pc.is_null(world.labels["campaign"]))
    assert set(honest["cohort"].unique().to_pylist()) == {*COHORTS, "framed"}
    ids = honest.filter(pc.not_equal(honest["cohort"], "framed"))["account_id"].combine_chunks()
    assert len(ids) == 500
    count = pc.sum(pc.is_in(world.exchanges["account_id"], ids)).as_py()
    assert 20_000 < count < 80_000


def test_identifiers_do_not_tell_a_campaign(world: World) -> None:
    for name in ("account_id", "payment_fingerprint", "device_id", "email"):
        shapes = {len(value) for value in world.accounts[name].to_pylist()}
        assert len(shapes) == 1, name


def test_the_same_spec_gives_the_same_world() -> None:
    one, two = build(SMALL), build(SMALL)
    assert one.exchanges.equals(two.exchanges)
    assert one.accounts.equals(two.accounts)
    assert not build(replace(SMALL, seed=12)).exchanges.equals(one.exchanges)


def test_a_campaign_leaves_the_background_as_it_was() -> None:
    alone = build(SMALL)
    joined = build(replace(SMALL, campaigns=(parse_campaign("C1:10"),)))
    ids = alone.accounts["account_id"].combine_chunks()
    rest = joined.exchanges.filter(pc.is_in(joined.exchanges["account_id"], ids))
    assert rest.equals(alone.exchanges)


def test_a_second_campaign_leaves_the_first_as_it_was() -> None:
    first = parse_campaign("C1:10")
    alone = build(replace(SMALL, accounts=0, campaigns=(first,)))
    both = build(replace(SMALL, accounts=0, campaigns=(first, parse_campaign("C5:10"))))
    ids = alone.accounts["account_id"].combine_chunks()
    assert both.exchanges.filter(pc.is_in(both.exchanges["account_id"], ids)).equals(alone.exchanges)


def test_cohorts_may_be_asked_for_by_name() -> None:
    asked = build(WorldSpec(days=2, cohorts={"judge_ci": 30, "humans": 5}))
    assert pc.value_counts(asked.labels["cohort"]).to_pylist() == [
        {"values": "judge_ci", "counts": 30},
        {"values": "humans", "counts": 5},
    ]


@pytest.mark.parametrize(
    "spec", [WorldSpec(cohorts={"wizards": 3}), WorldSpec(days=0), WorldSpec(accounts=-1), WorldSpec(accounts=0)]
)
def test_an_impossible_world_is_refused(spec: WorldSpec) -> None:
    with pytest.raises(UsageError):
        build(spec)


def test_written_days_read_back_as_the_world(world: World, tmp_path: Path) -> None:
    write(world, tmp_path)
    files = sorted((tmp_path / "exchanges").iterdir())
    assert [file.stem for file in files] == [f"2026-03-{day:02}" for day in range(2, 12)]
    assert pa.concat_tables([pq.read_table(file) for file in files]).equals(world.exchanges)
    for name in ("accounts", "labels", "models"):
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(getattr(world, name))
    note = json.loads((tmp_path / "world.json").read_text())
    assert note["spec"]["seed"] == 7
    assert {row["campaign"]: row["accounts"] for row in note["truth"] if row["cohort"] == "campaign"} == {
        "C1-1": 40,
        "C4-2": 60,
        "C3-3": 40,
    }


def test_another_start_moves_all_times() -> None:
    moved = build(replace(SMALL, start=datetime(2025, 7, 5, tzinfo=UTC)))
    assert pc.min(moved.exchanges["started_at"]).as_py().date().isoformat() == "2025-07-05"


def test_licensed_customers_are_verified_and_resellers_name_their_users(exchanges: Select, world: World) -> None:
    licensed = world.labels.filter(pc.equal(world.labels["cohort"], "licensed_synthetic"))
    rows = world.accounts.join(licensed, "account_id", join_type="inner")
    assert set(rows["programme"].to_pylist()) == {"licensed_distillation"}
    assert set(rows["verification"].to_pylist()) == {"organisation"}
    assert exchanges(cohort="gateway_reseller")["end_user_id"].null_count == 0
    assert exchanges(cohort="humans")["end_user_id"].null_count == exchanges(cohort="humans").num_rows


def test_graders_answer_with_a_score(exchanges: Select) -> None:
    answers = exchanges(cohort="judge_ci")["response"].drop_null().to_pylist()
    assert answers
    assert all(any(character.isdigit() for character in answer) for answer in answers)


def test_conversations_are_not_runs(exchanges: Select) -> None:
    assert pc.max(exchanges(cohort="nightly_batch")["message_count"]).as_py() <= 2
    humans = exchanges(cohort="humans")
    assert pc.mean(pc.cast(pc.greater(humans["message_count"], 2), pa.float64())).as_py() > 0.4
    assert humans["conversation_id"].null_count == 0


def test_agents_offer_tools_and_people_send_pictures(exchanges: Select) -> None:
    offered = exchanges(cohort="framework_users")["tool_count"].to_numpy()
    assert 0.4 < (offered > 0).mean() < 0.9
    assert pc.max(exchanges(cohort="humans")["tool_count"]).as_py() == 0
    assert pc.mean(exchanges(cohort="humans")["image_count"]).as_py() == pytest.approx(0.06, abs=0.02)
