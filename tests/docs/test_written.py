"""Tables on the pages say what the code says. Run as a script (``python -m tests.docs.test_written``) to write them."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from spiritsafe.engine.tables import TABLES, Merge
from spiritsafe.model.settings import Marking, OnError, OnFull, OnLoss, Settings
from spiritsafe.simulation.archetypes import ARCHETYPES
from spiritsafe.simulation.cohorts import COHORTS
from spiritsafe.simulation.spec import CampaignSpec
from tests.docs.pages import Written

_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_TYPES: dict[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    tuple[str, ...]: "list of texts",
    tuple[Path, ...]: "list of paths",
    Path | None: "path",
    **dict.fromkeys((OnError, OnFull, OnLoss, Marking), "word"),
}
_PURPOSE = {
    "identities": "leads from a hash back to the account id that one acts on",
    "activity": "what an account did in an hour",
    "traits": "what an account had in common with others on a day",
    "addresses": "where an account came from: address and network, in every epoch in force",
    "habits": "how an account called, as told together: client, fingerprint, country, ASN, channel, configuration",
    "labels": "what may be shown of a trait that is no secret",
    "content": "how often an account used a template in an hour",
    "pools": "what an account sent through a template on a day, the template removed",
    "sentences": "which sentences recur; words only once enough organisations sent them",
    "templates": "sets of sentences that requests share",
    "profiles": "the accounts table without its identifiers",
    "models": "releases and prices",
    "seen": "ids of exchanges, so that a repeat counts once",
}


def settings() -> Iterator[str]:
    for name, section in Settings.model_fields.items():
        kind = section.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        yield f"### {name}\n"
        yield "| key | type | default | range | |"
        yield "|---|---|---|---|---|"
        for key, field in kind.model_fields.items():
            limits = ", ".join(f"{_BOUNDS[at]} {limit}" for m in field.metadata for at, limit in asdict(m).items())
            default = "none" if field.default in {None, "", ()} else f"`{field.default}`"
            yield f"| `{key}` | {_TYPES[field.annotation]} | {default} | {limits} | {field.description} |"
        yield ""


def campaigns() -> Iterator[str]:
    names = [f.name for f in fields(CampaignSpec) if f.name not in {"archetype", "accounts", "name"}]
    base = {f.name: f.default for f in fields(CampaignSpec)}
    yield "| archetype | differs from the defaults in |"
    yield "|---|---|"
    for name, spec in ARCHETYPES.items():
        told = [f"`{key}={_shown(getattr(spec, key))}`" for key in names if getattr(spec, key) != base[key]]
        yield f"| {name} | {', '.join(told)} |"
    yield "\n| key | default | |"
    yield "|---|---|---|"
    about = _attributes(CampaignSpec)
    for key in [*names, "name"]:
        yield f"| `{key}` | {_shown(base[key]) or 'none'} | {about[key]} |"


def cohorts() -> Iterator[str]:
    yield "| cohort | share of the default mix |"
    yield "|---|---|"
    total = sum(cohort.weight for cohort in COHORTS.values())
    for name, cohort in COHORTS.items():
        yield f"| `{name}` | {cohort.weight / total:.1%} |"


def tables() -> Iterator[str]:
    yield "| table | one row per | holds |"
    yield "|---|---|---|"
    assert set(_PURPOSE) == set(TABLES)
    for name, table in TABLES.items():
        keys = ", ".join(c for c, merge in zip(table.schema.names, table.merges, strict=True) if merge is Merge.KEY)
        yield f"| `{name}` | {keys} | {_PURPOSE[name]} |"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _attributes(kind: type) -> dict[str, str]:
    """Return what a class's docstring says of each of its attributes."""
    _, _, listed = inspect.getdoc(kind).partition("Attributes:\n")  # type: ignore[union-attr]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, flags=re.MULTILINE)
    return {name: " ".join(text.split()).replace("|", "/") for name, text in entries}


WRITTEN = [
    Written("configuration.md", "settings", settings),
    Written("worlds.md", "campaigns", campaigns),
    Written("worlds.md", "cohorts", cohorts),
    Written("architecture.md", "tables", tables),
]


@pytest.mark.parametrize("part", WRITTEN, ids=lambda part: part.name)
def test_the_page_says_what_the_code_says(part: Written) -> None:
    assert part.actual == part.expected, "run: python -m tests.docs.test_written"


if __name__ == "__main__":
    for each in WRITTEN:
        each.write()
