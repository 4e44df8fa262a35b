"""``findings.json`` read back, for what is made of findings after a scan.

Checked against the same types that wrote it, so that a file of another shape, or one cut off, is refused as a
whole rather than half exported.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from spiritsafe.model.errors import InputError
from spiritsafe.model.findings import SCHEMA, Findings

__all__ = ["read_findings"]

_HINT = "Give the findings.json that a scan wrote."


def read_findings(path: Path) -> Findings:
    """Return the findings in a file.

    Raises:
        InputError: it cannot be read, is cut off, or holds something else.
    """
    try:
        findings = msgspec.json.decode(path.read_bytes(), type=Findings)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path), hint="Check the path.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"no findings: {error}", file=str(path), hint=_HINT) from error
    if findings.schema != SCHEMA:
        raise InputError(
            f"findings of another version: {findings.schema[:40]!r} where {SCHEMA!r} is known",
            file=str(path),
            hint="Export them with the version of spiritsafe that wrote them, or scan again.",
        )
    if not all(_is_moment(text) for text in _moments(findings)):
        raise InputError("no findings: a time is not UTC text as in 2026-01-01T00:00:00Z", file=str(path), hint=_HINT)
    return findings


def _moments(findings: Findings) -> Iterator[str]:
    yield from (text for text in (findings.scanned.from_, findings.scanned.to) if text is not None)
    for campaign in findings.campaigns:
        yield from (campaign.first_seen, campaign.last_seen)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
