"""The page on formats shows the columns that the code accepts, and where foreign logs have them.

Run as a script, this file writes the tables into the page.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.envelope import LOOKED_AT
from spiritsafe.ingest.readers.genai import CONVENTIONS, RENAMED
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import ACCOUNTS, ENTITIES, EXCHANGES, LABELS, LINKS, MODELS, Column, TableSpec

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
COLUMNS = ("<!-- columns -->\n", "<!-- end of columns -->")
PAIRS = ("<!-- pairs -->\n", "<!-- end of pairs -->")
RENAMED_NAMES = ("<!-- renamed -->\n", "<!-- end of renamed -->")
MAPPINGS = ("<!-- mappings -->\n", "<!-- end of mappings -->")
SPECS = (EXCHANGES, ACCOUNTS, MODELS, ENTITIES, LINKS, LABELS)


def _notes(column: Column) -> str:
    notes = [
        "required" if column.required else "",
        f"at least {column.minimum}" if column.minimum is not None else "",
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


def _mappings() -> str:
    """Return one table per mapping; formats that share one are named together."""
    forms: dict[int, list[Format]] = {}
    for form, reader in READERS.items():
        if hasattr(reader, "mapping"):
            forms.setdefault(id(reader.mapping.sources), []).append(form)
    return "\n".join(line for shared in forms.values() for line in _mapping(shared)) + "\n\n"


def _mapping(forms: list[Format]) -> Iterator[str]:
    mapping = READERS[forms[0]].mapping  # type: ignore[attr-defined]  # asked for above
    yield f"\n### {', '.join(f'`{form}`' for form in forms)}: {mapping.title}\n"
    yield "| column | read from |"
    yield "|---|---|"
    for column in EXCHANGES.columns:
        if column.name in mapping.sources:
            yield f"| `{column.name}` | {mapping.sources[column.name]} |"


def _renamed() -> str:
    lines = ["| attribute | also read |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{old}`' for old in olds)} |" for name, olds in RENAMED.items() if olds]
    return "\n" + "\n".join(lines) + "\n\n"


def _pairs() -> str:
    lines = ["| | looked for at, in this order |", "|---|---|"]
    lines += [f"| {part} | {', '.join(f'`{path}`' for path in paths)} |" for part, paths in LOOKED_AT.items()]
    return "\n" + "\n".join(lines) + "\n\n"


def _parts(marks: tuple[str, str]) -> tuple[str, str, str]:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(marks[0])
    shown, _, after = rest.partition(marks[1])
    return before, shown, after


def test_the_page_shows_the_columns_of_the_code() -> None:
    assert _parts(COLUMNS)[1] == _tables(), f"run: python {Path(__file__).name}"


def test_the_page_shows_the_mappings_of_the_code() -> None:
    assert _parts(MAPPINGS)[1] == _mappings(), f"run: python {Path(__file__).name}"


def test_the_page_shows_earlier_names_and_the_pinned_version() -> None:
    assert _parts(RENAMED_NAMES)[1] == _renamed(), f"run: python {Path(__file__).name}"
    assert f"version **{CONVENTIONS}** of the GenAI conventions" in PAGE.read_text(encoding="utf-8")


def test_the_page_shows_where_a_pairs_parts_are_looked_for() -> None:
    assert _parts(PAIRS)[1] == _pairs(), f"run: python {Path(__file__).name}"


def test_the_pair_on_the_page_is_one(tmp_path: Path) -> None:
    block = (
        PAGE.read_text(encoding="utf-8").split("### Request/response pairs")[1].split("```json\n")[1].split("```")[0]
    )
    (tmp_path / "log").write_text(block)
    assert sniff(source(tmp_path / "log"), Limits()) is Format.PAIRS
    (batch,) = READERS[Format.PAIRS].batches(source(tmp_path / "log"), EXCHANGES, Limits())
    assert (batch.table.num_rows, batch.rejected, batch.passed) == (1, (), 0)


def test_the_envoy_format_on_the_page_is_enough(tmp_path: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").split("### Envoy: what to log")[1].split("```")[1]
    names = re.findall(r"^ {4}([\w-]+):", block, flags=re.MULTILINE)
    line: dict[str, object] = {name: 7 if "tokens" in name else f"some-{name}" for name in names}
    line |= {"start_time": "2026-01-01T00:00:00Z", "response_code": 200}
    line |= {"x-envoy-origin-path": "/v1/chat/completions", "duration": 3, "downstream_remote_address": "192.0.2.1:5"}
    (tmp_path / "log").write_text(json.dumps(line) + "\n", encoding="utf-8")
    file = source(tmp_path / "log")
    assert sniff(file, Limits()) is Format.ENVOY
    (batch,) = READERS[Format.ENVOY].batches(file, EXCHANGES, Limits())
    (row,) = batch.table.to_pylist()
    wanted = {
        "account_id",
        "cached_input_tokens",
        "client_ip",
        "duration_ms",
        "ja4",
        "status",
        "user_agent",
        *EXCHANGES.required,
    }
    assert {name for name, value in row.items() if value is not None} >= wanted


def test_every_format_is_named_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [form for form in Format if f"`{form}`" not in page] == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_column_is_on_the_page(spec: TableSpec) -> None:
    assert all(f"| `{column.name}` | {column.kind} |" in _parts(COLUMNS)[1] for column in spec.columns)


if __name__ == "__main__":
    for marks, text in ((COLUMNS, _tables()), (RENAMED_NAMES, _renamed()), (PAIRS, _pairs()), (MAPPINGS, _mappings())):
        head, _, tail = _parts(marks)
        PAGE.write_text(head + marks[0] + text + marks[1] + tail, encoding="utf-8")
