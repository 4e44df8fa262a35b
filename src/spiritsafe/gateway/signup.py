"""``/v1/signup``: does a new account share with a known campaign what new accounts do not share by chance?

After a ban its network signs up again, with the cards, devices and addresses that it has. What is compared are
pseudonyms, made here under the store's key; what they weigh was measured when the campaign was found. Several epochs of
one identifier and several traits of one family say the same thing, so a family counts once, by its strongest trait.
The answer is a step up at the most: sharing is not guilt, and whoever is wrongly taken for one of them can show it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.counts import Counts
from spiritsafe.gateway.endpoints import Answer
from spiritsafe.model.words import TRAIT_FAMILY, Action, Family, TraitKind
from spiritsafe.policy.table import PolicyTable
from spiritsafe.privacy.pseudonyms import Pseudonymiser

__all__ = ["Evidence", "NewAccount", "Signups"]

_MOST = 16_384
_SECONDS = 5.0
_SECRET = {
    "payment_fingerprint": (TraitKind.PAYMENT,),
    "device_id": (TraitKind.DEVICE,),
    "email": (TraitKind.EMAIL,),
    "phone": (TraitKind.PHONE,),
    "signup_ip": (TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX, TraitKind.IP, TraitKind.PREFIX),
}
"""Columns of a new account, and the traits of members that each is compared with."""


class NewAccount(msgspec.Struct, frozen=True):
    """A row of the contract's accounts table, as far as it is compared."""

    account_id: str
    payment_fingerprint: str | None = None
    device_id: str | None = None
    email: str | None = None
    phone: str | None = None
    signup_ip: str | None = None

    def __repr__(self) -> str:
        """Say whose it is, and nothing that a log line must not hold."""
        return f"NewAccount({self.account_id!r})"


class Evidence(NamedTuple):
    """Bits that an account is of the campaign which it resembles most.

    Attributes:
        live: of campaigns whose rows are in force.
        shadow: of those whose rows are only measured.
    """

    live: float
    shadow: float


class Signups:
    """Answers the question.

    Args:
        table: returns the policy in force.
        pseudonymiser: under the store's key.
        threshold_bits: evidence from which a new account is asked to verify itself.
        now_us: the time.
        name: returns a new decision's id.
        counts: of decisions.
    """

    def __init__(
        self,
        table: Callable[[], PolicyTable],
        pseudonymiser: Pseudonymiser,
        threshold_bits: float,
        *,
        now_us: Callable[[], int],
        name: Callable[[], str],
        counts: Counts,
    ) -> None:
        self._table, self._pseudonymiser, self._threshold = table, pseudonymiser, threshold_bits
        self._now_us, self._name, self._counts = now_us, name, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        body = await body_of(scope, receive, most=_MOST, seconds=_SECONDS)
        try:
            account = msgspec.json.decode(body, type=NewAccount)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Problem(422, "Not a new account: one JSON object with account_id and texts is wanted.") from None
        evidence = self.evidence(account)
        action = Action.STEP_UP if evidence.live >= self._threshold else Action.ALLOW
        tried = Action.STEP_UP if evidence.shadow >= self._threshold else None
        self._counts.decisions["signup", action] += 1
        if tried is not None and tried is not action:
            self._counts.shadows[tried] += 1
        await reply(send, msgspec.json.encode(Answer(action, None, self._name(), False, None, tried)))

    def evidence(self, account: NewAccount) -> Evidence:
        """Return how strongly an account resembles a campaign."""
        table, now_us = self._table(), self._now_us()
        live: dict[str, dict[Family, float]] = {}
        shadow: dict[str, dict[Family, float]] = {}
        for kind, value in self._traits(account, now_us):
            for weight in table.weights(kind, value, now_us=now_us):
                families = (shadow if weight.shadow else live).setdefault(weight.campaign, {})
                family = TRAIT_FAMILY[kind]
                families[family] = max(families.get(family, 0.0), weight.bits)
        return Evidence(_most(live), _most(shadow))

    def _traits(self, account: NewAccount, now_us: int) -> Iterator[tuple[TraitKind, str]]:
        """Yield the pseudonyms of what an account brings, in every epoch in force."""
        for column, kinds in _SECRET.items():
            if given := getattr(account, column):
                for kind in kinds:
                    _, values = self._pseudonymiser.values(kind, pa.array([given]), np.array([now_us]))
                    yield from ((kind, value.to_bytes(8, "big", signed=True).hex()) for value in values.tolist())


def _most(found: dict[str, dict[Family, float]]) -> float:
    return max((sum(families.values()) for families in found.values()), default=0.0)
