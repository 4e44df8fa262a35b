"""Every command on a page runs, in one folder per page that holds what a reader has: logs and an accounts table.

A ``console`` block is left out only behind a comment ``<!-- not run here: reason -->``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spiritsafe.simulation.worlds import WorldSpec, build, write
from tests.docs.pages import PAGES, ROOT
from tests.ingest.entities.databases import ASN, database

_BLOCK = re.compile(r"(<!-- not run here: .+? -->\n)?^( *)```console\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
_FOUND = 4


def _commands(page: Path) -> list[str]:
    blocks = _BLOCK.findall(page.read_text("utf-8"))
    lines = [
        line.removeprefix(indent) for left_out, indent, block in blocks if not left_out for line in block.splitlines()
    ]
    assert all(line.startswith("$ ") for line in lines), "a console block shows commands only"
    return [line.removeprefix("$ ") for line in lines]


WITH_COMMANDS = [page for page in PAGES if _commands(page)]


@pytest.fixture(scope="module")
def belongings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    write(build(WorldSpec(accounts=60, days=1, exchanges_target=300)), folder)
    (folder / "exchanges").rename(folder / "logs")
    (folder / "links.csv").write_text("account_id,family,value\na,payment,card\nb,payment,card\n", "utf-8")
    database(folder / "GeoLite2-ASN.mmdb", {"192.0.2.0/24": ASN})
    return folder


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=[str(page.relative_to(ROOT)) for page in WITH_COMMANDS])
def test_commands_run(page: Path, belongings: Path, tmp_path: Path) -> None:
    for name in ("logs", "accounts.parquet", "links.csv", "GeoLite2-ASN.mmdb"):
        (tmp_path / name).symlink_to(belongings / name)
    scripts = str(Path(sys.executable).parent)
    for command in _commands(page):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, _FOUND}, f"{command}\n{done.stderr}"
