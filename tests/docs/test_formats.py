"""The page on formats shows the columns that the code accepts.

Run as a script, this file writes the tables into the page.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spiritsafe.model.columns import ACCOUNTS, ENTITIES, EXCHANGES, LABELS, LINKS, MODELS, Column, TableSpec

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
START, END = "<!-- columns -->\n", "<!-- end of columns -->"
SPECS = (EXCHANGES, ACCOUNTS, MODELS, ENTITIES, LINKS, LABELS)


def _notes(column: Column) -> str:
    notes = [
        "required" if column.required else "",
        f"at least {column.minimum}" if column.minimum is not None else "",
        f"at most {column.maximum}" if column.maximum is not None else "",
        f"one of {', '.join(f'`{choice}`' for choice in column.choices)}" if column.choices else "",
        "private" if column.private else "",
    ]
    return "; ".join(note for note in notes if note)


def _table(spec: TableSpec) -> Iterator[str]:
    yield f"\n### {spec.name}\n"
    yield "| column | type | |"
    yield "|---|---|---|"
    for column in spec.columns:
        yield f"| `{column.name}` | {column.kind} | {_notes(column)} |"


def _tables() -> str:
    return "\n".join(line for spec in SPECS for line in _table(spec)) + "\n\n"


def _parts() -> tuple[str, str, str]:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    shown, _, after = rest.partition(END)
    return before, shown, after


def test_the_page_shows_the_columns_of_the_code() -> None:
    assert _parts()[1] == _tables(), f"run: python {Path(__file__).name}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_column_is_on_the_page(spec: TableSpec) -> None:
    assert all(f"| `{column.name}` | {column.kind} |" in _parts()[1] for column in spec.columns)


if __name__ == "__main__":
    head, _, tail = _parts()
    PAGE.write_text(head + START + _tables() + END + tail, encoding="utf-8")
