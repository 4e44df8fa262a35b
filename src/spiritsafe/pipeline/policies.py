"""From a scan's findings to a policy: a row per campaign, its members, and what new members would share with them.

Only suspected and confirmed accounts, and no measure above step-up verification: what a program decides alone must
be such that a wrong decision costs an honest customer minutes. The reason that a customer may read says how strong
the evidence is, never what it is, because what is told can be tuned against.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.findings import Campaign, Findings, timestamp
from spiritsafe.model.words import Step, Subject, Tier
from spiritsafe.policy.file import encode
from spiritsafe.policy.index import refuse_control
from spiritsafe.policy.lines import IDS_PER_LINE, Line, Members, Rows, Trait
from spiritsafe.policy.load import load_table
from spiritsafe.policy.reader import PolicyReader, open_policy
from spiritsafe.policy.versions import Versions

__all__ = ["PERMITTED", "Answer", "Draft", "draft", "policy_folder"]

PERMITTED = (Step.RATE_LIMIT, Step.STEP_UP)
"""The measures that findings alone can bring about."""
_DAY_US, _HOUR_S = 86_400_000_000, 3_600
_ACTED_ON = frozenset({Tier.SUSPECTED, Tier.CONFIRMED})
_LONGEST_ID = 256
_Since = Mapping[tuple[str, Step, bool], tuple[int, str]]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about every campaign.

    Attributes:
        step: one of ``PERMITTED``.
        requests, tokens: rates such as 60/m; None is no bound.
        days: until the rows expire, from now.
        delay_hours: each row bites after a share of this that nobody outside can foretell.
        shadow: measured and told, never done.
    """

    step: Step = Step.RATE_LIMIT
    requests: str | None = None
    tokens: str | None = None
    days: int = 7
    delay_hours: int = 0
    shadow: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A policy made of findings.

    Attributes:
        content: of the file.
        version: of the policy.
        campaigns, accounts, traits: how many it holds.
        left_out: accounts whose ids no policy can carry.
    """

    content: bytes
    version: int
    campaigns: int
    accounts: int
    traits: int
    left_out: int


def policy_folder(store: Path) -> Path:
    """Return where the policies of a store lie."""
    return store / "policy"


def draft(findings: Findings, answer: Answer, *, now_us: int, version: int | None, store: Path | None) -> Draft:
    """Return the policy that answers the findings.

    A row that is in force already stays as old as it is, so that its delay does not begin anew with every scan.

    Args:
        findings: of a scan.
        answer: what is to be done.
        now_us: microseconds since the epoch, UTC.
        version: of the policy; None is one above the store's newest, or 1.
        store: the scan's store: adds what the members share, and knows the policy in force.

    Raises:
        UsageError: the measure is not for a program to decide.
        InputError: a rate is none, or an id cannot stand in a policy.
        StoreError: there is no store or it is damaged.
    """
    if answer.step not in PERMITTED:
        raise UsageError(
            f"{answer.step} does not follow from findings alone; only {' or '.join(PERMITTED)} does",
            hint="Write such rows yourself and sign the file: only an operator's signed file may suspend.",
        )
    named = [item for item in findings.campaigns if item.tier in _ACTED_ON]
    chosen = {item.id: _members(item, findings) for item in named}
    carried = {name: [one for one in accounts if _can_stand(one)] for name, accounts in chosen.items()}
    versions = Versions(policy_folder(store)) if store else None
    since = _since(versions) if versions else {}
    newest = versions.newest() if versions else 0
    number = newest + 1 if version is None else version
    traits = _traits(store, carried) if store else []
    rows = [_row(item, answer, number=number, now_us=now_us, since=since) for item in named]
    content = encode([*rows, *_member_lines(carried), *traits], version=number, created_at=timestamp(now_us))
    load_table(content, secret=b"", now_us=now_us)
    return Draft(
        content=content,
        version=number,
        campaigns=len(named),
        accounts=sum(map(len, carried.values())),
        traits=len(traits),
        left_out=sum(map(len, chosen.values())) - sum(map(len, carried.values())),
    )


def _members(campaign: Campaign, findings: Findings) -> list[str]:
    """Return the campaign's accounts that are more than linked, sorted."""
    mine = {item.account_id for item in findings.accounts if item.campaign == campaign.id and item.tier in _ACTED_ON}
    return sorted(mine.intersection(campaign.accounts))


def _can_stand(account: str) -> bool:
    try:
        refuse_control((account,), "accounts")
        account.encode()
    except (InputError, UnicodeEncodeError):
        return False
    return 0 < len(account) <= _LONGEST_ID


def _row(campaign: Campaign, answer: Answer, *, number: int, now_us: int, since: _Since) -> Rows:
    now = timestamp(now_us // 1_000_000 * 1_000_000)
    came_in, from_at = since.get((campaign.id, answer.step, answer.shadow), (number, now))
    return Rows(
        subject=Subject.CAMPAIGN,
        ids=(campaign.id,),
        step=answer.step,
        requests=answer.requests,
        tokens=answer.tokens,
        reason=f"Campaign {campaign.id} is {campaign.tier} at {campaign.score_bits:.1f} bits.",
        version=came_in,
        expires_at=timestamp((now_us + answer.days * _DAY_US) // 1_000_000 * 1_000_000),
        shadow=answer.shadow,
        delay_s=answer.delay_hours * _HOUR_S,
        from_at=from_at,
    )


def _member_lines(members: Mapping[str, Sequence[str]]) -> Iterator[Line]:
    for campaign, accounts in members.items():
        for at in range(0, len(accounts), IDS_PER_LINE):
            yield Members(campaign=campaign, accounts=tuple(accounts[at : at + IDS_PER_LINE]))


def _since(versions: Versions) -> _Since:
    """Return of every campaign's row in force the version and the time in which it came in."""
    current = versions.current()
    if current is None:
        return {}
    stream, name = open_policy(current.path)
    with stream:
        reader = PolicyReader(stream, name, draft=True)
        rows = [line for line in reader if isinstance(line, Rows) and line.subject is Subject.CAMPAIGN]
    return {
        (campaign, row.step, row.shadow): (row.version, row.from_at or reader.header.created_at)
        for row in rows
        for campaign in row.ids
    }


def _traits(store: Path, members: Mapping[str, Sequence[str]]) -> list[Trait]:
    from spiritsafe.engine.store import Store  # noqa: PLC0415 - without a store, no engine
    from spiritsafe.pipeline.recognition import shared_traits  # noqa: PLC0415

    with Store.open(store, read_only=True) as opened, opened.snapshot() as snapshot:
        return shared_traits(snapshot, members)
