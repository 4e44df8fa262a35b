"""``spiritsafe receipts``: what a gateway has enforced, for who answers an appeal."""

from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode

if TYPE_CHECKING:
    from spiritsafe.gateway.receipts import Receipt

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--store", type=Path, metavar="DIR", required=True, help="the gateway's store")
    parser.add_argument("--decision", metavar="ID", help="of this decision, which a client was told")
    parser.add_argument("--account", metavar="ID", help="of this account")
    parser.add_argument("--case", metavar="ID", help="of this case")
    parser.add_json()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Print the receipts that are asked for, the oldest first."""
    from spiritsafe.gateway.receipts import read_receipts

    wanted = {"decision_id": options.decision, "account_id": options.account, "case": options.case}
    for receipt in read_receipts(options.store / "receipts"):
        if any(value is not None and getattr(receipt, name) != value for name, value in wanted.items()):
            continue
        if options.json:
            terminal.json(receipt)
        else:
            terminal.data(_line(receipt) + "\n")
    return ExitCode.NOTHING_FOUND


def _line(receipt: "Receipt") -> str:
    """Return a receipt as a line for people."""
    from spiritsafe.casework.plain import plain

    told = (
        receipt.at,
        receipt.decision_id,
        f"account {receipt.account_id}",
        receipt.action,
        f"status {receipt.status}" if receipt.status else None,
        f"{receipt.subject} {receipt.row}, policy {receipt.version}" if receipt.row else f"policy {receipt.version}",
        f"case {receipt.case}" if receipt.case else None,
        f"limit {receipt.limit}" if receipt.limit else None,
        f"withheld from {receipt.cut}" if receipt.cut else None,
        f"marked {receipt.marked}" if receipt.marked else None,
        f"shadow: {receipt.shadow}" if receipt.shadow else None,
    )
    return plain("  ".join(part for part in told if part))
