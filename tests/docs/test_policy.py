"""The page on policies names all fields and steps; its example is one: ``python -m tests.docs.test_policy``."""

from collections.abc import Iterator

import pytest

from spiritsafe.model.words import Step, Subject, TraitKind
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import SCHEMA, Header, Members, Rows, Signature, Trait
from spiritsafe.policy.load import load_table
from tests.docs.pages import ROOT, Written

LINES = (
    Rows(
        subject=Subject.CAMPAIGN,
        ids=("c-1",),
        step=Step.RATE_LIMIT,
        requests="60/m",
        reason="Campaign c-1 is suspected at 14.2 bits.",
        version=7,
        expires_at="2026-12-08T00:00:00Z",
        delay_s=43_200,
        from_at="2026-12-01T00:00:00Z",
    ),
    Rows(
        subject=Subject.PREFIX,
        ids=("192.0.2.0/28", "2001:db8:7::/48"),
        step=Step.OBSERVE,
        reason="A partner's exits.",
        version=3,
    ),
    Members(campaign="c-1", accounts=("acct-17", "acct-29")),
    Trait(kind=TraitKind.PAYMENT, value="7f3a09c1d2e4b5f6", campaign="c-1", weight_bits=7.5),
)
CONTENT = encode(LINES, version=7, created_at="2026-12-01T00:00:00Z")


def example() -> Iterator[str]:
    yield "```json"
    yield CONTENT.decode().rstrip()
    yield "```"


WRITTEN = Written("policy.md", "example", example)


def test_the_example_is_a_policy() -> None:
    assert WRITTEN.actual == WRITTEN.expected, "run: python -m tests.docs.test_policy"
    assert load_table(CONTENT, secret=b"").rows_for("acct-17")


@pytest.mark.parametrize("line", [Header, Rows, Members, Trait, Signature])
def test_every_field_is_on_the_page(line: type[Header]) -> None:
    page = (ROOT / "docs" / "policy.md").read_text("utf-8")
    assert [name for name in line.__struct_fields__ if f"`{name}`" not in page] == []


def test_every_word_is_on_the_page() -> None:
    page = (ROOT / "docs" / "policy.md").read_text("utf-8")
    assert [word for word in (*Step, *Subject) if f"`{word}`" not in page] == []
    assert f"`{SCHEMA}`" in page


if __name__ == "__main__":
    WRITTEN.write()
