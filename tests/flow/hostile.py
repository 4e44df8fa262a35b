"""What every refusal must look like, whatever the input did: one place, so that no case asserts less."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from spiritsafe.cli.main import main
from spiritsafe.engine.store import Store

HEADER = b"exchange_id,started_at,account_id,model,input_tokens,output_tokens\n"
ROW = b"e-1,2026-01-01T00:00:00Z,a-1,m,1,2\n"


def exchange(number: int = 1, **changes: object) -> dict[str, object]:
    """A good record, changed as asked; ``...`` takes a column away."""
    record: dict[str, object] = {
        "exchange_id": f"e-{number}",
        "started_at": "2026-01-01T00:00:00Z",
        "account_id": "a-1",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 5,
    }
    return {name: value for name, value in (record | changes).items() if value is not ...}


def lines(*records: object) -> bytes:
    """Records as JSONL; bytes are lines as they are."""
    return b"".join((item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in records)


@dataclass(frozen=True)
class Shown:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


class Shell:
    """Calls commands in this process and looks at what they leave behind.

    Args:
        folder: an empty folder; stores and outputs go below it.
        capsys: pytest's capture.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    @property
    def findings(self) -> Path:
        return self.folder / "out" / "findings.json"

    @property
    def quarantine(self) -> list[dict[str, object]]:
        path = self.folder / "out" / "quarantine.jsonl"
        return [json.loads(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []

    def call(self, *words: object) -> Shown:
        """Run a command; whatever it says can be shown on a terminal and holds no traceback."""
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        shown = Shown(code, *self._capsys.readouterr())
        assert "Traceback" not in shown.err
        assert "this is a bug" not in shown.err
        strange = [c for c in shown.err + shown.out if not c.isprintable() and c != "\n"]
        assert not strange, strange
        assert len(shown.err) < 10_000
        return shown

    def scan(self, *logs: object, options: tuple[object, ...] = ()) -> Shown:
        """Scan into a store of its own."""
        return self.call("scan", *logs, "--out", self.folder / "out", "--store", self.folder / "store", *options)

    def refuse(self, *logs: object, says: str, place: str, options: tuple[object, ...] = ()) -> Shown:
        """Scan what must be refused: exit 2, one message with its place, no findings, an intact and empty store."""
        shown = self.scan(*logs, options=options)
        self.refused(shown, says, place)
        if (self.folder / "store").exists():
            with Store.open(self.folder / "store") as store:
                assert store.files() == []
                assert store.read("seen").num_rows == 0
        return shown

    def refused(self, shown: Shown, says: str, place: str, code: int = 2) -> None:
        """Hold a refusal against what it must say, and where."""
        assert shown.code == code, shown.err
        (error,) = shown.errors
        assert says in error
        assert place in error
        assert not shown.out
        assert not self.findings.exists()
