"""An empty folder to run commands in."""

from pathlib import Path

import pytest


@pytest.fixture
def tmp_path_cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
