"""CSV that no spreadsheet runs."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.casework.export.spreadsheet import COLUMNS, cell, csv_lines, rows
from spiritsafe.model.words import Tier
from tests.casework.export.test_ocsf import findings

RUN = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.sampled_from(["", " ", "\u00a0", "  "]), st.sampled_from(RUN), st.text())
def test_what_would_run_does_not(blanks: str, first: str, rest: str) -> None:
    shown = cell(blanks + first + rest)
    assert isinstance(shown, str)
    assert shown.startswith("'")


@given(st.text(), st.text())
def test_a_row_is_one_row_whatever_is_in_it(left: str, right: str) -> None:
    _, line = csv_lines(["a", "b"], [[left, right]])
    (read,) = _read(line)
    assert read == [cell(left), cell(right)]
    assert not read[0].startswith(RUN)
    assert line.count("\n") == 1


@pytest.mark.parametrize("number", [-2.5, 0, 7, -1e-9])
def test_numbers_stay_numbers(number: float) -> None:
    (_, line) = csv_lines(["n"], [[number]])
    assert float(line) == number


def test_a_row_per_account() -> None:
    given = findings(name="=cmd|' /C calc'!A0")
    header, *body = _read("".join(csv_lines(COLUMNS, rows(given))))
    assert tuple(header) == COLUMNS
    assert len(body) == len(given.accounts)
    assert all(row[0].startswith("'=cmd") for row in body)
    first, alone = dict(zip(header, body[0], strict=True)), dict(zip(header, body[-1], strict=True))
    assert (first["campaign"], first["campaign_tier"], first["score_bits"]) == ("c-1", Tier.CONFIRMED, "2.0")
    assert first["strongest_evidence"] == "own_hours: Its hours on 4 of 4 days."
    assert (alone["campaign"], alone["campaign_tier"], alone["tier"]) == ("", "", Tier.SUSPECTED)


def test_no_other_file_of_ours_writes_csv() -> None:
    """The guard stands in one place; a second writer would be one without it. Readers make examples of input only."""
    writers = {
        path.name
        for path in (Path(__file__).parents[3] / "src").rglob("*.py")
        if "readers" not in path.parts
        and re.search(r"csv\.writer|DictWriter|write_csv|to_csv", path.read_text("utf-8"))
    }
    assert writers == {"spreadsheet.py"}
