"""The outer frame: help, versions, unknown words, exit codes and what start-up may import."""

import importlib
import subprocess
import sys

import pytest

from spiritsafe import __version__
from spiritsafe.cli.main import COMMANDS, main

HEAVY = {
    "altair",
    "duckdb",
    "ibis",
    "igraph",
    "jinja2",
    "nacl",
    "numba",
    "numpy",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
}
LOADED = """
import sys
from spiritsafe.cli.main import main
code = main({words!r})
sys.stderr.write(" ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
sys.exit(code)
"""


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, does in COMMANDS.items():
        assert f"{name} " in out
        assert does in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"usage: spiritsafe {name}")
    assert "--log-level" in shown.out
    assert not shown.err


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_and_version_import_nothing_heavy(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=words)], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stderr.split())


def test_the_package_root_imports_nothing_heavy() -> None:
    code = "import sys, spiritsafe; sys.exit(any(name in sys.modules for name in sys.argv[1:]))"
    assert subprocess.run([sys.executable, "-c", code, *HEAVY], check=False).returncode == 0


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"spiritsafe {__version__}\n"


def test_the_module_runs_like_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "spiritsafe", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"spiritsafe {__version__}\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "no command is named"),
        (["brew"], "unknown command 'brew'"),
        (["--brew"], "unrecognized arguments: --brew"),
        (["scan"], "the following arguments are required: LOGS"),
        (["scan", "logs", "--forma", "csv"], "unrecognized arguments: --forma csv"),
        (["scan", "logs", "--on-error", "shrug"], "argument --on-error: invalid choice: 'shrug'"),
        (["scan", "no-such-folder"], "no-such-folder: does not exist"),
        (["scan", "logs", "--config", "no-such.toml"], "no-such.toml: no such configuration file"),
        (["simulate", "--out", "world", "--campaign", "C9:60"], "unknown archetype 'C9'"),
        (["evaluate", "no-such.json", "labels.parquet"], "no-such.json: does not exist"),
    ],
)
def test_bad_words_and_input_are_two_lines_and_exit_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str], tmp_path_cwd: None
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert not shown.out
    error, hint = shown.err.splitlines()
    assert error.startswith("error: ")
    assert complaint in error
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_keeps_to_the_protocol(name: str) -> None:
    module = importlib.import_module(f"spiritsafe.cli.{name}")
    assert {"arguments", "run"} <= set(module.__all__)
