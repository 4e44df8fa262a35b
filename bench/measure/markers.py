"""Puts a generated text where a page has two markers for it, and leaves every other word as it was."""

from pathlib import Path

from spiritsafe.model.errors import UsageError

__all__ = ["replaced"]


def replaced(text: str, opened: str, closed: str, body: str, page: Path) -> str:
    """Return a page's text with ``body`` between two markers instead of what stood there.

    Raises:
        UsageError: a marker is missing.
    """
    before, found, rest = text.partition(opened)
    _, ended, after = rest.partition(closed)
    if not (found and ended):
        raise UsageError(f"{page}: no {opened} ... {closed}", hint="Put the two markers where the part shall stand.")
    return f"{before}{opened}\n\n{body}\n\n{closed}{after}"
