"""The report in a real browser: quiet, offline, inert, and readable at every width."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Page]:
    """Open a report; on leaving, it must have asked for nothing but itself and complained of nothing."""
    context = browser.new_context(**options)
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]


def test_sections_stand_and_hostile_strings_are_inert(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "big.html") as page:
        assert page.locator("article.campaign").count() == 3
        assert page.evaluate("window.owned") is None
        assert page.locator("img, iframe, article script").count() == 0
        assert page.locator("#campaign-2 .kicker bdi").inner_text().startswith("<script>window.owned=1</script>")
        for section in ("campaigns", "cleared", "notes", "reading", "alone"):
            assert page.locator(f"#{section} > h2").is_visible()
        for label in ("Evidence", "Timeline", "Rhythm", "What they share", "Against honest groups"):
            assert page.locator(f"#campaign-1 section[aria-label='{label}'] svg[role='img']").first.is_visible()


def test_the_sum_row_is_the_sum_of_the_rows_above(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "big.html") as page:
        for table in page.locator("article table.evidence").all():
            rows = [float(cell.get_attribute("value") or "nan") for cell in table.locator("tbody data").all()]
            score = float(table.locator("tfoot data").get_attribute("value") or "nan")
            assert score == pytest.approx(sum(rows), abs=1e-9)


def test_pointing_at_a_trait_lights_up_its_members_and_says_why(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "big.html") as page:
        graph = page.locator("#campaign-2 .beside")
        graph.locator("svg g[data-trait='2']").hover()
        assert page.locator("#tip").inner_text().startswith("2. payment ")
        lit = graph.locator("circle.on").count()
        assert 0 < lit < graph.locator("circle").count()
        assert graph.locator("tr.on").count() == 1


def test_an_account_is_found_among_the_members(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "big.html") as page:
        members = page.locator("#campaign-1 .members")
        members.locator("summary").click()
        assert members.locator("tbody tr:visible").count() == 500
        members.get_by_role("searchbox").fill("acct-00042")
        assert members.locator("tbody tr:visible").count() == 1


def test_it_says_everything_without_a_script(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "big.html", java_script_enabled=False) as page:
        assert page.locator("#campaign-1 section[aria-label='Evidence'] svg").is_visible()
        page.locator("#campaign-1 .members summary").click()
        assert page.locator("#campaign-1 .members tbody tr:visible").count() == 500


@pytest.mark.parametrize("width", [1280, 800, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_never_scrolls_sideways(chromium: Browser, reports: Path, width: int, scheme: str) -> None:
    for name in ("big.html", "empty.html"):
        with opened(chromium, reports / name, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_dark_is_dark(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "empty.html", color_scheme="dark") as page:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


def test_nothing_found_is_a_page_of_its_own(chromium: Browser, reports: Path) -> None:
    with opened(chromium, reports / "empty.html") as page:
        assert page.locator("h1").inner_text() == "No campaign found"
        assert page.get_by_text("What would not have been visible").is_visible()
