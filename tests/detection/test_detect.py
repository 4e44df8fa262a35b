"""A whole small population: findings that add up, the same every time, whatever the key."""

from dataclasses import replace

import msgspec
import pytest

from spiritsafe.detection.detect import detect
from spiritsafe.detection.population import Population
from spiritsafe.model.dossier import Clearance, ScanResult
from spiritsafe.model.findings import AccountFinding, Campaign, total_bits
from spiritsafe.model.settings import Settings
from spiritsafe.model.words import Tier, TraitKind
from tests.detection.logs import HARVEST, Account, Log


def _detect(population: Population) -> ScanResult:
    return detect(population, Settings(), version="1", quarantined=3, progress=lambda stage, done, total: None)


@pytest.fixture(scope="module")
def result(population: Population) -> ScanResult:
    return _detect(population)


def test_the_campaign_is_found_whole_and_nobody_else_is_acted_on(log: Log, result: ScanResult) -> None:
    acted = {item.account_id for item in result.findings.accounts if item.tier is not Tier.LINKED}
    assert acted == set(log.named("c"))
    assert result.findings.campaigns[0].tier is Tier.CONFIRMED


def test_every_score_is_the_sum_of_its_evidence(result: ScanResult) -> None:
    scored: list[Campaign | AccountFinding | Clearance] = [*result.findings.campaigns, *result.cleared]
    scored += result.findings.accounts
    assert scored
    for item in scored:
        assert item.score_bits == total_bits(item.evidence)


def test_what_is_counted_is_what_was_sent(log: Log, result: ScanResult, population: Population) -> None:
    campaign = result.findings.campaigns[0]
    members = log.index(campaign.accounts)
    assert campaign.exchanges == population.accounts.n[members].sum()
    assert campaign.output_tokens == 100 * campaign.exchanges
    assert campaign.elicitation == ["chain_of_thought"]
    scanned = result.findings.scanned
    assert (scanned.exchanges, scanned.accounts, scanned.quarantined) == (
        population.accounts.n.sum(),
        population.size,
        3,
    )


def test_the_dossier_draws_what_the_findings_count(log: Log, result: ScanResult) -> None:
    dossier, campaign = result.dossiers[0], result.findings.campaigns[0]
    harvested = sum(len(part.hour) for part in log.sent if part.template == HARVEST)
    focal = sum(map(sum, dossier.heat))
    assert dossier.id == campaign.id
    assert harvested <= focal <= campaign.exchanges
    assert sum(map(sum, dossier.account_hours)) == focal
    assert sum(dossier.elicitation_mix.values()) == focal
    assert dossier.elicitation_mix["chain_of_thought"] == harvested
    assert all(len(trait.members) > 1 for trait in dossier.shared)
    assert {trait.kind for trait in dossier.shared} >= {str(TraitKind.PAYMENT), str(TraitKind.PREFIX)}
    assert any("attribution" in note for note in dossier.not_concluded)


def test_findings_are_json(result: ScanResult) -> None:
    told = msgspec.json.decode(msgspec.json.encode(result.findings))
    assert told["schema"] == "spiritsafe.findings/1"
    assert msgspec.json.decode(msgspec.json.encode(result))


def test_twice_gives_the_same_bytes(log: Log, result: ScanResult) -> None:
    assert msgspec.json.encode(_detect(log.population())) == msgspec.json.encode(result)


@pytest.mark.parametrize("key", [b"another key", b"a third"])
def test_findings_do_not_depend_on_the_key_of_the_hashes(log: Log, result: ScanResult, key: bytes) -> None:
    assert msgspec.json.encode(_detect(log.population(key)).findings) == msgspec.json.encode(result.findings)


def test_the_order_of_rows_does_not_matter(log: Log, result: ScanResult) -> None:
    turned = replace(log, accounts=log.accounts[::-1], sent=log.sent[::-1])
    assert msgspec.json.encode(_detect(turned.population()).findings) == msgspec.json.encode(result.findings)


def test_attribution_never_changes_a_tier(log: Log, result: ScanResult) -> None:
    kind = str(TraitKind.ENTITY)
    named = [replace(a, traits=(*a.traits, (kind, "e"))) if a.name[0] in "co" else a for a in log.accounts]
    told = _detect(replace(log, accounts=named, labels={(kind, "e"): "Some Lab"}).population())
    assert [item.entity for item in told.dossiers[0].attributions] == ["Some Lab"]
    assert msgspec.json.encode(told.findings) == msgspec.json.encode(result.findings)


@pytest.mark.parametrize("accounts", [0, 30])
def test_a_log_without_exchanges_finds_nothing(accounts: int) -> None:
    told = _detect(Log([Account(f"a{number}") for number in range(accounts)], []).population())
    assert (told.findings.campaigns, told.findings.accounts, told.tested) == ([], [], 0)
    assert (told.findings.scanned.accounts, told.findings.scanned.from_) == (0, None)
