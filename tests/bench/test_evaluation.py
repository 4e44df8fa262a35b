"""The evaluation from end to end on tiny worlds: every part measured once, kept, and written into a page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from measure.page import SECTIONS
from measure.parts import PARTS

BENCH = Path(__file__).parents[2] / "bench"
PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def evaluation(out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, str(BENCH / "evaluate.py"), "--quick", "--out", str(out), *more]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    out = tmp_path_factory.mktemp("evaluation")
    return out, evaluation(out)


def test_every_part_is_estimated_measured_and_kept(first: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    out, done = first
    assert done.returncode == 0, done.stderr
    for part in PARTS:
        assert f"{part.name}: 1 of 1 to measure, about" in done.stderr
        (kept,) = (out / "quick" / part.name).glob("*.json")
        outcome = json.loads(kept.read_bytes())
        assert outcome["experiment"] == part.name
        assert outcome["identity"]
        assert outcome["code"]
    assert {path.suffix for path in (out / "quick").rglob("*") if path.is_file()} == {".json"}


def test_every_section_says_something(first: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    text = first[1].stdout
    assert re.findall(r"^## (\w+)$", text, flags=re.MULTILINE) == list(SECTIONS)
    assert "Nothing measured yet" not in text
    assert "nan" not in text


def test_a_kept_outcome_holds_a_rank_for_every_account(first: tuple[Path, object]) -> None:
    (kept,) = (first[0] / "quick" / "factorial").glob("*.json")
    outcome = json.loads(kept.read_bytes())
    size = len(outcome["accounts"]["campaign"])
    assert {len(ranks) for ranks in outcome["ranks"].values()} == {size}
    assert len(outcome["ranks"]) == 7
    assert {item["campaign"] for item in outcome["missed"]} == {
        score["campaign"] for score in outcome["evaluation"]["campaigns"] if not score["found"]
    }


def test_the_page_takes_what_was_measured_and_keeps_every_other_word(
    first: tuple[Path, "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    page = tmp_path / "evaluation.md"
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    done = evaluation(first[0], "--tables", "--write", str(page))
    assert (done.returncode, done.stdout) == (0, "")
    generated = re.compile(r"<!-- evaluate: (\w+) -->\n.*?<!-- end of evaluate: \1 -->", flags=re.DOTALL)
    before, after = PAGE.read_text("utf-8"), page.read_text("utf-8")
    assert generated.sub("", before) == generated.sub("", after)
    assert set(generated.findall(after)) == set(SECTIONS)
    shown = re.findall(r"\]\((img/[^)]+)\)", after)
    assert shown
    assert all((tmp_path / name).read_text("utf-8").startswith("<svg") for name in shown)


def test_a_page_without_a_marker_is_refused(first: tuple[Path, object], tmp_path: Path) -> None:
    page = tmp_path / "bare.md"
    page.write_text("# Bare\n", "utf-8")
    done = evaluation(first[0], "--tables", "--write", str(page))
    assert done.returncode != 0
    assert "no <!-- evaluate: circumstances -->" in done.stderr
