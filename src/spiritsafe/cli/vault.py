"""``spiritsafe vault``: keys for sealed identifiers, opening one with a reason, forgetting, checking the trail.

The clock is read here and nowhere below, so that expiry can be tested.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode

if TYPE_CHECKING:
    from spiritsafe.privacy.vault import Vault

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare a parser per action."""
    actions = parser.add_actions()
    keygen = actions.add_parser("keygen", help="make vault.pub for the machine that scans and vault.key to keep away")
    keygen.add_argument("folder", type=Path, metavar="DIR", help="where the two files go")
    opening = actions.add_parser("open", help="show the identifiers behind a pseudonym; leaves an audit row")
    opening.add_argument("pseudonym", type=int, metavar="PSEUDONYM", help="as spiritsafe pseudonym --json prints it")
    opening.add_argument("--key", type=Path, metavar="F", required=True, help="the secret key, vault.key")
    opening.add_argument("--role", choices=("analyst", "investigator"), required=True, help="of the person who asks")
    opening.add_argument("--case", metavar="ID", required=True, help="the case that needs it")
    opening.add_argument("--reason", metavar="TEXT", required=True, help="why, in that person's words")
    opening.add_json()
    purge = actions.add_parser("purge", help="delete what has outlived its time")
    verify = actions.add_parser("verify", help="check the audit chain and print its last digest")
    verify.add_argument("--head", metavar="DIGEST", help="a digest kept elsewhere, which must still be in the chain")
    for action in (opening, purge, verify):
        action.add_argument("--store", type=Path, metavar="DIR", required=True, help="the store that a scan wrote")
        action.add_config()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Do what the action says."""
    {"keygen": _keygen, "open": _open, "purge": _purge, "verify": _verify}[options.action](options, terminal)
    return ExitCode.NOTHING_FOUND


def _keygen(options: Options, terminal: Terminal) -> None:
    from spiritsafe.privacy.vaultkeys import generate_vault_keys

    public, secret = generate_vault_keys(options.folder)
    terminal.say(f"Public key: {public} (name it as privacy.vault_public_key)")
    terminal.say(f"Secret key: {secret} (keep it away from the machine that scans)")


def _open(options: Options, terminal: Terminal) -> None:
    from spiritsafe.casework.plain import plain
    from spiritsafe.privacy.vault import Role
    from spiritsafe.privacy.vaultkeys import load_secret_key

    found = _vault(options).open(
        options.pseudonym,
        secret_key=load_secret_key(options.key),
        role=Role(options.role),
        reason=options.reason,
        case_id=options.case,
        now_us=_now_us(),
    )
    if options.json:
        terminal.json({"identifiers": [{"kind": item.kind, "raw": item.raw} for item in found]})
    else:
        for item in found:
            terminal.data(f"{item.kind}\t{plain(item.raw)}\n")


def _purge(options: Options, terminal: Terminal) -> None:
    gone = _vault(options).purge(_now_us())
    terminal.say(f"Deleted {gone:,} expired identifiers")


def _verify(options: Options, terminal: Terminal) -> None:
    from spiritsafe.privacy.audit import verify

    rows = verify(_vault(options).audit_path, head=options.head)
    terminal.say(f"The audit chain of {len(rows):,} rows is whole")
    if rows:
        terminal.data(f"{rows[-1].digest}\n")


def _vault(options: Options) -> "Vault":
    from spiritsafe.model.settings import load_settings
    from spiritsafe.pipeline.investigate import open_vault

    return open_vault(options.store, load_settings(options.config))


def _now_us() -> int:
    return time.time_ns() // 1_000
