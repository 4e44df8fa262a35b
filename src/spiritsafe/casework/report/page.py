"""Writes the report: one HTML file that needs no network, no script and no second file.

The content security policy names the page's own style and script by digest and forbids everything else, so that
even a string that slipped through escaping could neither run nor call home (W3C CSP level 3).
"""

from base64 import b64encode
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spiritsafe.casework import words
from spiritsafe.casework.plain import plain_result, shorten
from spiritsafe.casework.report import rhythm
from spiritsafe.casework.report.graph import HEIGHT, WIDTH
from spiritsafe.casework.report.view import view
from spiritsafe.model.dossier import ScanResult
from spiritsafe.model.errors import SpiritsafeError

__all__ = ["render_report", "write_report"]


def write_report(result: ScanResult, path: Path) -> None:
    """Write ``result`` to ``path`` as a self-contained page.

    The same result gives the same bytes.

    Raises:
        SpiritsafeError: ``path`` cannot be written.
    """
    page = render_report(result).encode()
    try:
        path.write_bytes(page)
    except OSError as error:
        raise SpiritsafeError(
            f"{path}: the report cannot be written: {error.strerror}",
            hint="Check that the folder exists and that you may write to it.",
        ) from error


def render_report(result: ScanResult) -> str:
    """Return the page for ``result`` as text."""
    style, script = _part("report.css"), _part("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            view=view(plain_result(result)),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=_policy(style, script),
            rhythm=rhythm,
            graph_size=(WIDTH, HEIGHT),
            permits=words.TIER_PERMITS,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("spiritsafe.casework.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        counted=words.counted,
        date=words.date,
        large=words.large,
        minute=words.minute,
        probability=words.probability,
        signed=words.signed,
        shortened=partial(shorten, limit=26),
    )
    environment.globals["period"] = words.period
    return environment


def _part(name: str) -> str:
    return files("spiritsafe.casework.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; "  # the empty icon, without which a browser asks the server for one
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
