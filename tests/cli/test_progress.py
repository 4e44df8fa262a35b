"""Bars are drawn on a terminal with rate and time left, and nowhere else."""

import io

from spiritsafe.cli.progress import bars


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_each_stage() -> None:
    screen = Screen()
    with bars(screen) as progress:
        progress("reading exchanges", 500_000, 1_000_000)
        progress("reading exchanges", 1_000_000, 1_000_000)
        progress("testing groups", 1, 3)
    shown = screen.getvalue()
    assert "reading exchanges" in shown
    assert "100%" in shown
    assert "MB/s" in shown
    assert "testing groups" in shown


def test_a_file_sees_nothing() -> None:
    stream = io.StringIO()
    with bars(stream) as progress:
        progress("reading exchanges", 1, 2)
    assert stream.getvalue() == ""
