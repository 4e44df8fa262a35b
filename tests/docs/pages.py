"""The project's pages, and parts of them that are written from the code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Written:
    """A part of a page between ``<!-- name -->`` and ``<!-- end of name -->`` and what it must say."""

    page: str
    name: str
    content: Callable[[], Iterator[str]]

    @property
    def expected(self) -> str:
        return "\n" + "\n".join(self.content()) + "\n\n"

    @property
    def actual(self) -> str:
        return self._parts()[1]

    def write(self) -> None:
        before, _, after = self._parts()
        self._path.write_text(before + self.expected + after, encoding="utf-8")

    @property
    def _path(self) -> Path:
        return ROOT / "docs" / self.page

    def _parts(self) -> tuple[str, str, str]:
        start, end = f"<!-- {self.name} -->\n", f"<!-- end of {self.name} -->"
        before, found, rest = self._path.read_text(encoding="utf-8").partition(start)
        content, ended, after = rest.partition(end)
        assert found, f"{self.page} has no {start}"
        assert ended, f"{self.page} has no {end}"
        return before + start, content, end + after
