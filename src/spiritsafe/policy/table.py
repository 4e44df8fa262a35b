"""The policy as a gateway asks it: who is this about, and what is in force now.

Plain dictionaries from id to a tuple of shared terms, because a look at one takes a twentieth of a microsecond and
most requests find nothing. A table never changes: a new policy is a new table, which the caller puts in its place.
"""

from collections.abc import Mapping, Sequence

import msgspec

from spiritsafe.model.words import Subject, TraitKind
from spiritsafe.policy.delay import bites_from
from spiritsafe.policy.lines import Header
from spiritsafe.policy.prefixes import Prefixes
from spiritsafe.policy.standing import CLEAR, Standing, standing_of
from spiritsafe.policy.terms import Row, Terms

__all__ = ["Named", "PolicyTable", "Traits", "Weight"]

Named = Mapping[str, tuple[Terms, ...]]
"""Id -> the terms that reach it."""
Traits = Mapping[tuple[TraitKind, str], tuple[tuple[str, float], ...]]
"""(kind, pseudonym) -> campaigns whose members share it, and its bits for each."""


class Weight(msgspec.Struct, frozen=True):
    """What a new account's trait says of one campaign.

    Attributes:
        campaign: whose members share it.
        bits: log2 likelihood ratio of having it.
        shadow: whether the campaign's rows are only measured.
    """

    campaign: str
    bits: float
    shadow: bool


class PolicyTable:
    """The rows of one policy; see :func:`spiritsafe.policy.load.load_table`.

    Args:
        header: of the file that it came from.
        named: per kind of subject, prefixes aside.
        campaigns: account -> its campaigns.
        prefixes: rows about networks, in order.
        traits: (kind, pseudonym) -> what it weighs.
        secret: decides when delayed rows bite; the same on every node.
    """

    __slots__ = ("_accounts", "_campaigns", "_keys", "_members", "_organisations", "_prefixes", "_secret", "_traits",
                 "header")  # fmt: skip

    def __init__(
        self,
        header: Header,
        *,
        named: Mapping[Subject, Named],
        members: Mapping[str, tuple[str, ...]],
        prefixes: Prefixes,
        traits: Traits,
        secret: bytes,
    ) -> None:
        self.header = header
        self._accounts, self._keys = named[Subject.ACCOUNT], named[Subject.KEY]
        self._organisations, self._campaigns = named[Subject.ORGANISATION], named[Subject.CAMPAIGN]
        self._members = members
        self._prefixes = prefixes or None
        self._traits = traits
        self._secret = secret

    def rows_for(
        self, account: str, key: str | None = None, organisation: str | None = None, ip: str | None = None
    ) -> list[Row]:
        """Return every row that reaches a request, expired and delayed ones too; networks longest prefix first.

        Args:
            account, key, organisation: ids; None is unknown.
            ip: the client's address; nothing is found by one that is none.
        """
        found: list[Row] = []
        if terms := self._accounts.get(account):
            found += [Row(account, one) for one in terms]
        if key is not None and (terms := self._keys.get(key)):
            found += [Row(key, one) for one in terms]
        if organisation is not None and (terms := self._organisations.get(organisation)):
            found += [Row(organisation, one) for one in terms]
        if campaigns := self._members.get(account):
            for campaign in campaigns:
                found += [Row(campaign, one) for one in self._campaigns.get(campaign, ())]
        if ip is not None and self._prefixes is not None:
            found += self._prefixes.rows_for(ip)
        return found

    def standing(
        self,
        account: str,
        key: str | None = None,
        organisation: str | None = None,
        ip: str | None = None,
        *,
        now_us: int,
    ) -> Standing:
        """Return what is in force for a request at a time, and what the shadow rows would do.

        Args:
            account, key, organisation, ip: see :meth:`rows_for`.
            now_us: microseconds since the epoch, UTC.
        """
        rows = self.rows_for(account, key, organisation, ip)
        if not rows:
            return CLEAR
        live: list[Row] = []
        shadow: list[Row] = []
        for row in rows:
            if self._bites(row, now_us):
                (shadow if row.terms.shadow else live).append(row)
        return standing_of(live, shadow)

    def campaigns_of(self, account: str) -> Sequence[str]:
        """Return the campaigns that an account is a member of."""
        return self._members.get(account, ())

    def weights(self, kind: TraitKind, value: str, *, now_us: int) -> list[Weight]:
        """Return what a new account's trait says, of each campaign about which a row has not expired.

        Args:
            kind: of the trait.
            value: its pseudonym, 16 hex digits.
            now_us: microseconds since the epoch, UTC.
        """
        found = []
        for campaign, bits in self._traits.get((kind, value), ()):
            rows = [one for one in self._campaigns.get(campaign, ()) if one.from_us <= now_us < one.expires_us]
            if rows:
                found.append(Weight(campaign, bits, all(one.shadow for one in rows)))
        return found

    def _bites(self, row: Row, now_us: int) -> bool:
        terms = row.terms
        if not terms.from_us <= now_us < terms.expires_us:
            return False
        # the hash is asked only while the answer depends on it
        return now_us >= terms.from_us + terms.delay_us or now_us >= bites_from(row, self._secret)
