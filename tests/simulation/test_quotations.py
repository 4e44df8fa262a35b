from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.model.errors import InputError
from spiritsafe.simulation.mixing import stream
from spiritsafe.simulation.prose import Use
from spiritsafe.simulation.quotations import Quotations
from spiritsafe.simulation.spec import Families
from spiritsafe.simulation.traces import read_traces
from spiritsafe.simulation.worlds import WorldSpec, build, parse_campaign


def test_traces_keep_shapes_only(data: Path) -> None:
    traces = read_traces(data)
    assert traces.curves.shape == (2, 144)
    assert traces.curves.mean(axis=1) == pytest.approx([1.0, 1.0])
    assert traces.outputs.tolist() == [[3.0, 5.0], [4.0, 6.0]]
    assert traces.conversations.tolist() == [0.5, 1.0, 1.5]


def test_a_pool_is_verbatim_until_it_is_used_up(data: Path) -> None:
    prose = Quotations(Families.ALL, data)
    slices = prose.topics_of(("maths",), Use.POOL)
    texts = prose.bodies(stream(1, "q"), np.repeat(slices, 60), None).to_pylist()
    assert prose.tally["verbatim"] == 150
    assert prose.tally["recombined"] == len(texts) - 150
    known = set(pq.read_table(data / "prompts_simplerl_math" / "data.parquet")["prompt"].to_pylist())
    assert len(known & set(texts)) == 150
    assert all("simplerl_math" in text for text in texts)


@pytest.mark.parametrize("kind", ["coding", "maths", "tools", "chat"])
def test_the_halves_share_no_prompt(data: Path, kind: str) -> None:
    held = []
    for half in (Families.TUNE, Families.HOLDOUT):
        prose = Quotations(half, data)
        topics = prose.topics_of((kind,), Use.POOL)
        held.append(set(prose.bodies(stream(1, "h"), np.repeat(topics, 30), None).to_pylist()))
    assert held[0]
    assert not held[0] & held[1]


def test_other_languages_stay_with_the_grammar(data: Path) -> None:
    prose = Quotations(Families.ALL, data)
    topics = prose.topics_of(("chat_ru",), Use.LIFE)
    assert not any("harbour" in text for text in prose.bodies(stream(1, "r"), topics, None).to_pylist())


def test_chat_mark_up_is_taken_off(data: Path, tmp_path: Path) -> None:
    for folder in data.iterdir():
        (tmp_path / folder.name).symlink_to(folder)
    (tmp_path / "prompts_simplerl_math").unlink()
    (tmp_path / "prompts_simplerl_math").mkdir()
    table = pq.read_table(data / "prompts_gsm8k" / "data.parquet").slice(0, 1)
    marked = (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nFind x.\nPlease reason step by step.<|im_end|>\n"
    )
    pq.write_table(table.set_column(0, "prompt", [[marked]]), tmp_path / "prompts_simplerl_math" / "data.parquet")
    prose = Quotations(Families.ALL, tmp_path)
    topics = prose.topics_of(("maths",), Use.POOL)
    assert prose.bodies(stream(1, "m"), topics, None).to_pylist() == ["Find x."]


def test_a_world_from_data_says_what_it_recombined(data: Path) -> None:
    spec = WorldSpec(accounts=80, days=3, exchanges_target=4_000, data=data, campaigns=(parse_campaign("C3:10"),))
    world = build(spec)
    assert world.bodies["verbatim"] > 0
    assert world.bodies["recombined"] > 0
    assert pc.sum(pc.match_substring(world.exchanges["prompt"], "harbour")).as_py() > 1_000
    assert build(spec).exchanges.equals(world.exchanges)
    assert build(replace(spec, data=None)).bodies == {}


@pytest.mark.parametrize("missing", ["servegen_clients/rates.parquet", "prompts_lima/data.parquet"])
def test_a_missing_table_is_named(data: Path, tmp_path: Path, missing: str) -> None:
    for folder in data.iterdir():
        if folder.name != missing.split("/", maxsplit=1)[0]:
            (tmp_path / folder.name).symlink_to(folder)
    with pytest.raises(InputError, match=missing):
        build(WorldSpec(accounts=10, days=1, data=tmp_path))
