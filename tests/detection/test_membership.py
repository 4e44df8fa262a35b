"""Who belongs: victims and strangers leave, members stay."""

from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.membership import hour_bits, member_bits, member_evidence, subject_bits, trim
from spiritsafe.model.findings import total_bits
from tests.detection.logs import DAYS, FIRST_DAY, HARVEST, Account, Log, Sent, own_traits, town


def _victims(log: Log, count: int) -> Log:
    """Accounts of one organisation that sent the same template long before anybody copied it."""
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(DAYS), 10) * 24 + 9 + rng.integers(0, 5, 10 * DAYS)
    accounts = [Account(f"v{n}", "victim", traits=own_traits(f"v{n}")) for n in range(count)]
    sent = [
        Sent(account.name, HARVEST, np.sort(day), 5_000 + rng.integers(0, 40, len(day)), "victim's trade")
        for account in accounts
    ]
    return replace(log, accounts=[*log.accounts, *accounts], sent=[*log.sent, *sent])


def _focus(log: Log) -> Focus:
    population = log.population()
    members = log.index({part.account for part in log.sent if part.template == HARVEST})
    inside = np.isin(population.content.account, log.index(log.named("c")))
    best = int(np.argmax(np.bincount(population.content.template[inside], population.content.n[inside])))
    return cut(population, members, np.array([best]))


def _names(focus: Focus) -> set[str]:
    return {focus.population.accounts.ids[index] for index in focus.members.tolist()}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("victims", [1, 5])
def test_a_victim_leaves_and_the_members_stay(seed: int, victims: int) -> None:
    log = _victims(town(seed, honest=60), victims)
    focus = _focus(log)
    left = trim(focus, least=8)
    assert _names(left.focus) == set(log.named("c"))
    assert left.kept.sum() == left.focus.size == focus.size - victims
    assert left.settled


def test_whoever_is_vouched_for_leaves_a_group_of_strangers() -> None:
    log = town(1, honest=60)
    log = log.with_accounts(c03={"organisation": "known", "verification": "organisation"})
    assert "c03" not in _names(trim(_focus(log), least=8).focus)


def test_a_group_that_everybody_vouches_for_is_not_taken_apart() -> None:
    log = town(1, honest=60)
    known = {name: {"organisation": f"org {name}", "verification": "organisation"} for name in log.named("c")}
    focus = _focus(log.with_accounts(**known))
    assert trim(focus, least=8).kept.all()


def test_trimming_never_leaves_fewer_than_asked() -> None:
    focus = _focus(_victims(town(1, honest=60), 5))
    left = trim(focus, least=focus.size)
    assert left.kept.all()
    assert left.focus.size == focus.size
    assert not left.settled  # there are victims in it, so nobody may be acted on


def test_a_few_exchanges_with_the_template_are_a_strangers() -> None:
    log = town(1, honest=60)
    passer = Sent("h000", HARVEST, np.array([30, 31]), np.array([77, 78]), "h000")
    focus = _focus(replace(log, sent=[*log.sent, passer]))
    bits = dict(zip([focus.population.accounts.ids[i] for i in focus.members], member_bits(focus), strict=True))
    assert bits["h000"] < min(bits[name] for name in log.named("c"))
    assert "h000" not in _names(trim(focus, least=8, firm=True).focus)


def test_a_louder_member_is_no_stranger() -> None:
    focus = _focus(town(2, honest=60))
    content, pools = focus.population.content, focus.population.pools
    loud = 1 + 4 * (content.account == focus.members[0])
    population = replace(focus.population, content=replace(content, n=content.n * loud))
    assert len(pools.n)
    louder = cut(population, focus.members, focus.templates)
    assert hour_bits(louder)[0] > 0


def test_where_nobody_keeps_a_common_clock_hours_say_nothing() -> None:
    log = town(1, honest=60)
    people = log.index(log.named("h"))
    population = log.population()
    assert not hour_bits(cut(population, people, np.arange(len(population.templates)))).any()


def test_without_text_subjects_say_nothing() -> None:
    focus = _focus(town(1, honest=60))
    pools = focus.population.pools
    silent = replace(focus.population, pools=replace(pools, features=0 * pools.features))
    assert not subject_bits(cut(silent, focus.members, focus.templates)).any()


def test_colleagues_are_not_members_because_some_of_them_keep_the_same_hours() -> None:
    """Framing: two of five victims follow the campaign's hours by accident, and their mean speaks for all."""
    log = _victims(town(1, honest=60), 5)
    hours = next(part for part in log.sent if part.account == "c00").hour
    sent = [
        replace(part, hour=hours, body=np.arange(len(hours)) + 9_000) if part.account in {"v0", "v1"} else part
        for part in log.sent
    ]
    assert not _names(trim(_focus(replace(log, sent=sent)), least=8).focus) & set(log.named("v"))


def test_trimming_goes_on_until_nobody_is_left_to_drop() -> None:
    focus = _focus(_victims(town(3, honest=60), 5))
    left = trim(focus, least=8)
    again = trim(left.focus, least=8)
    assert left.settled
    assert again.kept.all()


def test_bits_are_bounded() -> None:
    focus = _focus(_victims(town(1, honest=60), 3))
    assert -8 <= hour_bits(focus).min() <= hour_bits(focus).max() <= 4
    assert np.abs(subject_bits(focus)).max() <= 4
    assert focus.first_day == FIRST_DAY


def test_what_a_member_is_told_sums_to_its_bits() -> None:
    focus = _focus(_victims(town(2, honest=60), 3))
    told = member_evidence(focus)
    for bits, evidence in zip(member_bits(focus), told, strict=True):
        assert total_bits(evidence) == pytest.approx(bits, abs=0.01 * len(evidence) + 1e-9)
        assert all(item.weight_bits and 0 < item.p_value <= 1 for item in evidence)
        assert [item.weight_bits for item in evidence] == sorted((e.weight_bits for e in evidence), reverse=True)
        assert all(any(sign.isdigit() for sign in item.detail) for item in evidence)  # something to check
    assert any(item.signal == "own_hours" for evidence in told for item in evidence)
