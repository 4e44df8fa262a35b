"""Makes a policy file a table, or an error that says which row is off.

Rows of equal terms share one object, and what a line says is checked once, not once per id; see ``index`` for why
the ids of a line come in together.
"""

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from operator import eq
from pathlib import Path

from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Subject, TraitKind
from spiritsafe.policy.index import Index, refuse_control, repeated
from spiritsafe.policy.lines import SCHEMA, Header, Line, Members, Rows, Trait
from spiritsafe.policy.prefixes import Prefixes
from spiritsafe.policy.reader import PolicyReader, open_policy
from spiritsafe.policy.table import PolicyTable
from spiritsafe.policy.terms import Terms, terms_of

__all__ = ["MOST_IDS", "load_table", "no_policy"]

MOST_IDS = 4_000_000
"""Ids that a policy may hold; each takes about a hundred bytes of memory."""


def load_table(
    source: Path | bytes,
    *,
    secret: bytes,
    trusted: Collection[str] = (),
    draft: bool = False,
    now_us: int | None = None,
) -> PolicyTable:
    """Read, check and index a policy.

    Args:
        source: a file, or its content.
        secret: decides when delayed rows bite; at most 64 bytes, the same on every node.
        trusted: public keys of operators whose ``suspend`` rows are taken; see ``signature``.
        draft: take ``suspend`` rows that nobody has signed yet; only to show or to sign them.
        now_us: refuse rows that have expired by then, as in a policy that is to be applied; None takes them, as in
            one that was applied a while ago: they are out of force all the same.

    Raises:
        InputError: naming file, row and column.
    """
    stream, name = open_policy(source)
    with stream, _uncollected():
        reader = PolicyReader(stream, name, trusted=trusted, draft=draft)
        builder = _Builder(reader.header, now_us)
        for line in reader:
            try:
                builder.add(line)
            except InputError as error:
                raise reader.placed(error) from error
        return builder.table(secret)


def no_policy() -> PolicyTable:
    """Return the table of who has no policy yet: version 0, nothing in it."""
    header = Header(schema=SCHEMA, version=0, created_at="1970-01-01T00:00:00Z", lines=0, digest="")
    return _Builder(header, None).table(b"")


class _Builder:
    """A table under construction."""

    def __init__(self, header: Header, now_us: int | None) -> None:
        self._header, self._now_us = header, now_us
        self._named = {subject: Index[Terms](_same_measure) for subject in Subject}
        self._members = Index[str](eq)
        self._prefixes = Prefixes()
        self._traits: dict[tuple[TraitKind, str], tuple[tuple[str, float], ...]] = {}
        self._shared: dict[tuple[object, ...], tuple[Terms]] = {}
        self._ids = 0

    def add(self, line: Line) -> None:
        match line:
            case Rows():
                self._rows(line)
            case Members():
                self._count(line.accounts, "accounts")
                refuse_control((line.campaign,), "campaign")
                self._members.add(line.accounts, (line.campaign,), "accounts")
            case Trait():
                self._trait(line)

    def table(self, secret: bytes) -> PolicyTable:
        self._prefixes.order()
        named = {subject: index.found for subject, index in self._named.items()}
        return PolicyTable(
            self._header,
            named=named,
            members=self._members.found,
            prefixes=self._prefixes,
            traits=self._traits,
            secret=secret,
        )

    def _rows(self, line: Rows) -> None:
        self._count(line.ids, "ids")
        shared = self._terms(line)
        if line.subject is not Subject.PREFIX:
            self._named[line.subject].add(line.ids, shared, "ids")
            return
        for cidr in line.ids:
            self._prefixes.add(cidr, shared[0], _same_measure)

    def _terms(self, line: Rows) -> tuple[Terms]:
        """Return the line's terms; a file of a row per line says the same ones again and again."""
        said = (line.subject, line.step, line.requests, line.tokens, line.reason, line.case, line.version,
                line.expires_at, line.shadow, line.delay_s, line.from_at)  # fmt: skip
        known = self._shared.get(said)
        if known is None:
            terms = terms_of(line, self._header)
            if self._now_us is not None and terms.expires_us <= self._now_us:
                raise InputError("has expired", column="expires_at", hint="Leave it out or let it last longer.")
            known = self._shared[said] = (terms,)
        return known

    def _trait(self, line: Trait) -> None:
        self._count((line.campaign,), "campaign")
        weights = self._traits.get((line.kind, line.value), ())
        if any(campaign == line.campaign for campaign, _ in weights):
            raise repeated("value")
        self._traits[line.kind, line.value] = (*weights, (line.campaign, line.weight_bits))

    def _count(self, ids: Sequence[str], column: str) -> None:
        refuse_control(ids, column)
        self._ids += len(ids)
        if self._ids > MOST_IDS:
            raise InputError(f"more than {MOST_IDS:,} ids", column=column, hint="Let rows about organisations do.")


def _same_measure(one: Terms, other: Terms) -> bool:
    """A measure may be tried in the shadow of the one in force."""
    return one.step is other.step and one.shadow == other.shadow


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles from walking a growing table again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
