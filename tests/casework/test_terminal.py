import io

import pytest
from rich.console import Console

from spiritsafe.casework.terminal import campaign_table
from spiritsafe.model.dossier import ScanResult
from tests.casework.scans import big_scan, empty_scan


def printed(scan: ScanResult, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(campaign_table(scan))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_most_serious_first_with_the_reports_numbers() -> None:
    text = printed(big_scan(), 120)
    assert text.index("confirmed  c-7f21a9") < text.index("suspected  <script>") < text.index("linked     c-0b77e4")
    assert "45.7" in text
    assert "685 million" in text


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_at_the_usual_widths(width: int) -> None:
    text = printed(big_scan(), width)
    assert "corpus" in text
    assert "tokens out" in text
    assert all(len(line) <= width for line in text.splitlines())


def test_no_escape_sequence_of_a_stranger_reaches_the_terminal() -> None:
    text = printed(big_scan(), 120)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_empty_scan_says_what_was_tested() -> None:
    text = printed(empty_scan(), 100)
    assert "No campaign found" in text
    assert "41 candidate groups tested" in text
