"""Settings: a misspelt key or section is an error that names it, wherever it stands."""

from pathlib import Path

import pytest

from spiritsafe.model.errors import ConfigError
from spiritsafe.model.settings import load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spiritsafe.toml").write_text("[detection]\nfdr = 0.02\nmin_group = 9\n")
    monkeypatch.setenv("SPIRITSAFE_DETECTION__FDR", "0.03")
    assert load_settings().detection.fdr == 0.03
    assert load_settings().detection.min_group == 9


def test_an_unknown_key_names_itself_and_its_line(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[engine]\nthreads = 2\n\n[detection]\n# a remark\nmin_groop = 9\n")
    with pytest.raises(ConfigError, match=r"other\.toml, line 6: detection\.min_groop: unknown key"):
        load_settings(file)


@pytest.mark.parametrize("name", ["SPIRITSAFE_DETECTON__FDR", "SPIRITSAFE_DETECTION__FDRR"])
def test_a_misspelt_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0.1")
    with pytest.raises(ConfigError, match=r"detecton|fdrr"):
        load_settings()


def test_other_variables_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIRITSAFE_DEBUG", "1")
    assert load_settings().detection.seed == 0


def test_only_what_can_change_findings_is_digested(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load_settings().digest()
    monkeypatch.setenv("SPIRITSAFE_ENGINE__MEMORY_GIB", "1")
    assert load_settings().digest() == plain
    monkeypatch.setenv("SPIRITSAFE_DETECTION__FDR", "0.002")
    assert load_settings().digest() != plain
