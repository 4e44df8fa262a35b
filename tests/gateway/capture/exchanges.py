"""Exchanges that a gateway may have seen, and a veil under a fixed key."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from spiritsafe.gateway.capture import Captured, Veil
from spiritsafe.gateway.capture.veil import Lookup
from spiritsafe.model.epochs import Epochs
from spiritsafe.privacy.keys import MasterKey, Purpose
from spiritsafe.privacy.pseudonyms import Pseudonymiser

MASTER = MasterKey(bytes(range(32)))
TEXT_KEY = MASTER.subkey(Purpose.TEXT)
DAY_US = 86_400_000_000
START = 1_767_225_600_000_000
_WORDS = ("still", "wash", "charge", "spirit", "draff", "cooper", "angel", "share", "proof", "barrel", "peat", "malt")


def exchange(number: int = 1, /, **changes: Any) -> Captured:
    """An exchange with words of its own; ``changes`` win."""
    words = np.random.default_rng(number).choice(_WORDS, 12).tolist()
    fields: dict[str, Any] = {
        "exchange_id": f"e-{number}",
        "started_at": START + number * 1_000,
        "account_id": f"a-{number % 5}",
        "organization_id": f"o-{number % 3}",
        "model": "m",
        "input_tokens": 10,
        "output_tokens": 20,
        "client_ip": f"198.51.100.{number % 250}",
        "prompt": f"Explain {' '.join(words[:6])}. Then list {' '.join(words[6:])}, step by step.",
        "system_prompt": "You are a distiller. Answer in one line.",
        "response": "A short answer.",
        "status": 200,
    }
    return Captured(**fields | changes)


def veil(epochs: Epochs | None = None, lookup: Lookup | None = None) -> Veil:
    return Veil(Pseudonymiser(MASTER, epochs or Epochs(180, 60)), TEXT_KEY, lookup)


def finished(folder: Path) -> list[Path]:
    """The files that a scan takes."""
    return [path for path in sorted(folder.glob("*.jsonl")) if not path.name.startswith(".")]


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every row of every finished file, each parsed; a torn line would not be."""
    return [json.loads(line) for file in finished(folder) for line in file.read_bytes().splitlines()]
