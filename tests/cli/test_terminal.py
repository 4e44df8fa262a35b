"""Data to stdout, words to stderr, and readers that leave early."""

import subprocess
import sys

import pytest
from rich.text import Text

from spiritsafe.cli.terminal import Terminal

FLOOD = """
import sys
from spiritsafe.cli.terminal import Terminal
terminal = Terminal()
for _ in range(1000):
    terminal.data("x" * 1000)
terminal.flush()
sys.exit(4)
"""


def test_streams_are_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.json({"b": [1]})
    terminal.say("words")
    shown = capsys.readouterr()
    assert shown.out == '{\n  "b": [\n    1\n  ]\n}\n'
    assert shown.err == "words\n"


def test_tables_have_no_colours_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().show(Text("red", style="bold red"))
    assert capsys.readouterr().out == "red\n"


def test_a_reader_that_leaves_changes_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 4
