"""The terms of a row, checked and ready to be looked up: rates, times and measure, everything but whom they reach.

Rows of equal terms share one object, so that a million of them cost little more than their ids.
"""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from spiritsafe.model.errors import ConfigError, InputError
from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.lines import Header, Rows
from spiritsafe.policy.rates import Bounds, Rate

__all__ = ["NEVER", "Row", "Terms", "microseconds", "terms_of"]

NEVER = 2**63 - 1
"""The time at which what has no expiry ends."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS, _SUBJECTS = tuple(Step), tuple(Subject)


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is done about a subject, from when to when, and why.

    Attributes:
        subject: what kind of subject.
        step: the measure.
        bounds: what the subject may take.
        reason: a sentence that the customer may read.
        case: the case in which it was decided, if any.
        version: of the policy in which the row came in.
        from_us: when it came in, microseconds since the epoch, UTC.
        delay_us: at most so much later it bites.
        expires_us: when it ends.
        shadow: measured and told, never done.
    """

    subject: Subject
    step: Step
    bounds: Bounds
    reason: str
    case: str | None
    version: int
    from_us: int
    delay_us: int
    expires_us: int
    shadow: bool

    @property
    def precedence(self) -> tuple[int, int]:
        """Sorts the terms that decide first: the strongest step, then the subject that stands first in ``Subject``."""
        return -_STEPS.index(self.step), _SUBJECTS.index(self.subject)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One subject and the terms that reach it.

    Attributes:
        id: of the account, key, organisation or campaign, or the network as 192.0.2.0/24.
        terms: shared by all rows of equal terms.
    """

    id: str
    terms: Terms


def terms_of(rows: Rows, header: Header) -> Terms:
    """Check a line's terms and return them.

    Raises:
        InputError: naming the column; the caller knows file and row.
    """
    _refuse_unprintable(rows)
    from_us = microseconds(rows.from_at or header.created_at, "from_at")
    expires_us = NEVER if rows.expires_at is None else microseconds(rows.expires_at, "expires_at")
    terms = Terms(
        subject=rows.subject,
        step=rows.step,
        bounds=Bounds(_rate(rows.requests, "requests"), _rate(rows.tokens, "tokens")),
        reason=rows.reason,
        case=rows.case,
        version=rows.version,
        from_us=from_us,
        delay_us=rows.delay_s * 1_000_000,
        expires_us=expires_us,
        shadow=rows.shadow,
    )
    _refuse_senseless(terms, header)
    return terms


def microseconds(text: str, column: str) -> int:
    """Return a UTC time as microseconds since the epoch.

    >>> microseconds("1970-01-01T00:00:01Z", "from_at")
    1000000

    Raises:
        InputError: it is none.
    """
    try:
        if _TIME.fullmatch(text):
            return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        pass
    raise InputError("not a UTC time", column=column, hint="Write it as 2026-01-31T12:00:00Z.")


def _rate(text: str | None, column: str) -> Rate | None:
    try:
        return None if text is None else Rate.parse(text)
    except ConfigError as error:
        raise InputError("not a rate", column=column, hint=error.hint) from error


def _refuse_unprintable(rows: Rows) -> None:
    """Both texts may end up in a response's header, where a line end would begin another one."""
    for column, text in (("reason", rows.reason), ("case", rows.case or "")):
        if not text.isprintable():
            raise InputError("holds control or invisible characters", column=column, hint="Write plain text.")


def _refuse_senseless(terms: Terms, header: Header) -> None:
    if terms.step is Step.OBSERVE and terms.bounds:
        raise InputError("observe bounds nothing", column="step", hint="Write rate_limit, or leave the rates out.")
    if terms.step is Step.RATE_LIMIT and not terms.bounds:
        raise InputError("no rate to limit to", column="requests", hint="Write requests, tokens or both.")
    if terms.step is not Step.OBSERVE and terms.expires_us == NEVER:
        raise InputError("no expiry", column="expires_at", hint="Only observe may go on for ever.")
    if terms.from_us + terms.delay_us >= terms.expires_us:
        raise InputError("expires before it surely bites", column="expires_at", hint="Let it last longer.")
    if terms.version > header.version:
        raise InputError(
            f"version {terms.version} in a policy of version {header.version}",
            column="version",
            hint="Name the version of the policy in which the row came in.",
        )
