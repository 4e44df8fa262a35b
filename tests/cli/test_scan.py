"""The exit code of a scan: who is linked is information, who is suspected is a finding."""

import pytest

from spiritsafe.cli.scan import verdict
from spiritsafe.model.errors import ExitCode
from spiritsafe.model.findings import AccountFinding, Findings, Scanned
from spiritsafe.model.words import Family, Tier
from tests.casework.scans import campaign, weigh


def _findings(tier: Tier | None, lone: Tier | None) -> Findings:
    evidence = [weigh("shared_network", Family.NETWORK, 3.0, 0.01, "One /24.")]
    alone = AccountFinding(account_id="a", tier=lone or Tier.LINKED, score_bits=3.0, campaign=None, evidence=evidence)
    return Findings(
        version="0",
        config_digest="0",
        scanned=Scanned(exchanges=1, accounts=1, from_=None, to=None, quarantined=0),
        campaigns=[campaign("c", tier, ["a"], evidence)] if tier else [],
        accounts=[alone] if lone else [],
    )


@pytest.mark.parametrize(
    ("tier", "lone", "code"),
    [
        (None, None, ExitCode.NOTHING_FOUND),
        (Tier.LINKED, None, ExitCode.NOTHING_FOUND),
        (Tier.LINKED, Tier.LINKED, ExitCode.NOTHING_FOUND),
        (Tier.SUSPECTED, None, ExitCode.FINDINGS),
        (Tier.CONFIRMED, None, ExitCode.FINDINGS),
        (None, Tier.SUSPECTED, ExitCode.FINDINGS),
        (Tier.LINKED, Tier.CONFIRMED, ExitCode.FINDINGS),
    ],
)
def test_only_suspicion_is_a_finding(tier: Tier | None, lone: Tier | None, code: ExitCode) -> None:
    assert verdict(_findings(tier, lone)) is code
