"""Links lead somewhere, lists are complete, examples run."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.cli.main import COMMANDS
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import ExitCode
from spiritsafe.model.settings import Settings
from tests.docs.pages import PAGES, ROOT

PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.is_file(), target
        assert not anchor or anchor in _anchors(file), target


def _project() -> dict[str, Any]:
    return tomllib.loads(_text("pyproject.toml"))


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0].lower()


def _declared() -> set[str]:
    """Names of what is needed always, and of what an optional part needs."""
    project = _project()["project"]
    parts = (project["dependencies"], *project.get("optional-dependencies", {}).values())
    return {_name(item) for part in parts for item in part}


def test_every_dependency_has_its_reason() -> None:
    explained = set(re.findall(r"^\| `([\w-]+)` \|", _text("docs/dependencies.md"), flags=re.MULTILINE))
    assert explained == _declared()


def test_every_extra_is_tested() -> None:
    tested = {_name(item) for item in _project()["dependency-groups"]["test"]}
    extras = _project()["project"]["optional-dependencies"].values()
    assert {_name(item) for items in extras for item in items} <= tested


def test_development_tools_are_named() -> None:
    page = _text("docs/dependencies.md")
    tools = [_name(item) for group in _project()["dependency-groups"].values() for item in group]
    assert [tool for tool in tools if f"`{tool}`" not in page] == []


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    imported = {
        name.partition(".")[0]
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in _imports(node)
    }
    outside = imported - set(sys.stdlib_module_names) - {"spiritsafe"}
    owners = metadata.packages_distributions()
    declared = _declared()
    found = {name: [owner.lower() for owner in owners[name]] for name in outside}  # a namespace has several owners
    assert {next((owner for owner in found[name] if owner in declared), name) for name in outside} == declared


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def test_the_schema_names_every_column_command_and_exit_code() -> None:
    page = _text("docs/schema.md")
    assert [c.name for c in EXCHANGES.columns if f"`{c.name}`" not in page] == []
    assert [name for name in COMMANDS if f"`spiritsafe {name}" not in page] == []
    assert [code for code in ExitCode if f"| {int(code)} |" not in page] == []


def test_the_architecture_draws_the_layers_of_the_contract() -> None:
    layers = _project()["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = re.findall(
        r"^\| ((?:`\w+`(?:, )?)+) \|", _text("docs/architecture.md").split("## A scan")[0], flags=re.MULTILINE
    )
    assert [row.replace("`", "").split(", ") for row in rows] == [layer.split(" | ") for layer in layers]


@pytest.mark.parametrize("block", _blocks(_text("docs/configuration.md"), "toml"))
def test_example_settings_are_legal(block: str) -> None:
    Settings(**tomllib.loads(block))


@pytest.mark.parametrize("block", _blocks(_text("docs/schema.md"), "json"))
def test_example_json_is_json(block: str) -> None:
    json.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_python_examples_run(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text("\n".join(_blocks(page.read_text("utf-8"), "python")), "utf-8")
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True)
