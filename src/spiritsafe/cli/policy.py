"""``spiritsafe policy``: from findings to a policy, a look at it, an operator's signature, applying and undoing it.

The clock and the person's name are read here and nowhere below, so that expiry and the journal can be tested.
"""

import getpass
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode, StoreError, UsageError
from spiritsafe.model.words import Step

if TYPE_CHECKING:
    from spiritsafe.policy.lines import Header, Line
    from spiritsafe.policy.versions import Versions

__all__ = ["arguments", "run"]

_SHOWN = 3
_REASON = "why, for the journal"


def arguments(parser: Parser) -> None:
    """Declare a parser per action."""
    actions = parser.add_actions()
    making = actions.add_parser("from-findings", help="a row per suspected or confirmed campaign, and its members")
    _add_making(making)
    check = actions.add_parser("check", help="say whether a file could be applied now")
    show = actions.add_parser("show", help="print what a policy holds")
    show.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a policy file")
    show.add_json()
    keygen = actions.add_parser("keygen", help="make an operator's key, and KEY.pub for those who trust it")
    keygen.add_argument("--out", type=Path, metavar="KEY", required=True, help="where the secret key goes")
    sign = actions.add_parser("sign", help="sign a file in its place, as rows that suspend demand")
    sign.add_argument("--key", type=Path, metavar="KEY", required=True, help="an operator's secret key")
    apply = actions.add_parser("apply", help="put a policy in force")
    apply.add_argument("--reason", metavar="TEXT", default="", help=_REASON)
    undo = actions.add_parser("undo", help="go back to the policy before")
    undo.add_argument("--reason", metavar="TEXT", required=True, help=_REASON)
    for action in (check, sign, apply):
        action.add_argument("file", type=Path, metavar="FILE", help="a policy file")
    for action in (check, apply):
        action.add_argument("--trust", type=Path, metavar="F", action="append", default=[],
                            help="an operator's KEY.pub, whose suspend rows are taken; may be repeated")  # fmt: skip
    for action, needed in ((show, False), (apply, True), (undo, True)):
        action.add_argument("--store", type=Path, metavar="DIR", required=needed, help="the store of scan and gateway")


def _add_making(making: Parser) -> None:
    making.add_argument("findings", type=Path, metavar="FINDINGS", help="findings.json of a scan")
    making.add_argument("--out", type=Path, metavar="F", required=True, help="where the policy goes")
    making.add_argument("--step", choices=list(Step), default=Step.RATE_LIMIT, help="the measure (%(default)s)")
    making.add_argument(
        "--requests", metavar="RATE", help="as 60/m (60/m if the step is rate_limit and nothing is said)"
    )
    making.add_argument("--tokens", metavar="RATE", help="as 20k/m (no bound)")
    making.add_argument("--days", type=int, metavar="N", default=7, help="until the rows expire (%(default)s)")
    making.add_argument("--delay-hours", type=int, metavar="H", default=0,
                        help="each row bites after a share of this, 0 to 168 (%(default)s)")  # fmt: skip
    making.add_argument("--shadow", action="store_true", help="measure and tell, never do")
    making.add_argument("--version", type=int, metavar="N", help="of the policy (one above the store's newest, or 1)")
    making.add_argument("--store", type=Path, metavar="DIR",
                        help="the scan's store: adds what members share, for sign-ups")  # fmt: skip


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Do what the action says."""
    {
        "from-findings": _from_findings,
        "check": _check,
        "show": _show,
        "keygen": _keygen,
        "sign": _sign,
        "apply": _apply,
        "undo": _undo,
    }[options.action](options, terminal)
    return ExitCode.NOTHING_FOUND


def _from_findings(options: Options, terminal: Terminal) -> None:
    from spiritsafe.casework.findings import read_findings
    from spiritsafe.pipeline.policies import Answer, draft

    step = Step(options.step)
    unsaid = step is Step.RATE_LIMIT and options.requests is None and options.tokens is None
    answer = Answer(
        step=step,
        requests="60/m" if unsaid else options.requests,
        tokens=options.tokens,
        days=options.days,
        delay_hours=options.delay_hours,
        shadow=options.shadow,
    )
    made = draft(
        read_findings(options.findings), answer, now_us=_now_us(), version=options.version, store=options.store
    )
    options.out.write_bytes(made.content)
    terminal.say(
        f"Policy version {made.version}: {options.out} ({made.campaigns:,} campaigns, {made.accounts:,} accounts, "
        f"{made.traits:,} traits)"
    )
    if made.left_out:
        terminal.say(f"Left out, because their ids hold control characters or are too long: {made.left_out:,} accounts")


def _check(options: Options, terminal: Terminal) -> None:
    from spiritsafe.policy.load import load_table
    from spiritsafe.policy.signature import load_trusted_keys

    trusted = load_trusted_keys(options.trust)
    header = load_table(options.file, secret=b"", trusted=trusted, now_us=_now_us()).header
    terminal.say(f"{options.file}: version {header.version}, {header.lines:,} lines, {_signer(header, trusted)}")


def _signer(header: "Header", trusted: frozenset[str]) -> str:
    if header.signer is None:
        return "not signed"
    return f"signed by {header.signer}" + ("" if header.signer in trusted else ", whom nobody here trusts")


def _show(options: Options, terminal: Terminal) -> None:
    import msgspec

    from spiritsafe.policy.load import load_table
    from spiritsafe.policy.reader import PolicyReader, open_policy

    if (options.file is None) == (options.store is None):
        raise UsageError("name a FILE or a --store, and not both", hint="See: spiritsafe policy show --help")
    path = options.file or _current(_versions(options.store))
    load_table(path, secret=b"", draft=True)
    stream, name = open_policy(path)
    with stream:
        reader = PolicyReader(stream, name, draft=True)
        lines = list(reader)
    if options.json:
        terminal.json({"header": reader.header, "lines": msgspec.to_builtins(lines)})
        return
    for text in _told(reader.header, lines):
        terminal.data(f"{text}\n")


def _told(header: "Header", lines: "list[Line]") -> Iterator[str]:
    """Yield a line of words per line of the file."""
    from spiritsafe.casework.plain import plain
    from spiritsafe.policy.lines import Members, Rows

    yield f"version {header.version} of {header.created_at}, {_signer(header, frozenset())}"
    for line in lines:
        match line:
            case Rows():
                told = (f"{line.subject} {_some(line.ids)}: {line.step}", line.requests, line.tokens,
                        "in shadow" if line.shadow else None,
                        f"until {line.expires_at}" if line.expires_at else None,
                        f"delayed up to {line.delay_s} s" if line.delay_s else None)  # fmt: skip
                yield plain(", ".join(part for part in told if part) + f" - {line.reason}")
            case Members():
                yield plain(f"campaign {line.campaign}: accounts {_some(line.accounts)}")
            case _:
                yield plain(f"campaign {line.campaign}: {line.kind} {line.value}, {line.weight_bits:g} bits")


def _some(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def _keygen(options: Options, terminal: Terminal) -> None:
    from spiritsafe.policy.signature import generate_signing_key

    public = generate_signing_key(options.out)
    terminal.say(f"Secret key: {options.out} (keep it away from the machines that serve)")
    terminal.say(f"Public key: {public} (name it as --trust)")


def _sign(options: Options, terminal: Terminal) -> None:
    from spiritsafe.policy.file import signed
    from spiritsafe.policy.load import load_table
    from spiritsafe.policy.signature import load_signing_key

    key = load_signing_key(options.key)
    load_table(options.file, secret=b"", draft=True)
    content = signed(options.file.read_bytes(), key)
    draft = options.file.with_name(f"{options.file.name}.signed")
    draft.write_bytes(content)
    draft.replace(options.file)
    terminal.say(f"Signed: {options.file}")


def _apply(options: Options, terminal: Terminal) -> None:
    from spiritsafe.policy.load import load_table
    from spiritsafe.policy.signature import load_trusted_keys

    trusted = load_trusted_keys(options.trust)
    load_table(options.file, secret=b"", trusted=trusted, now_us=_now_us())  # whose errors name the file
    version = _versions(options.store).apply(
        options.file.read_bytes(), trusted=trusted, now_us=_now_us(), who=_who(), why=options.reason
    )
    terminal.say(f"In force: version {version}")


def _undo(options: Options, terminal: Terminal) -> None:
    version = _versions(options.store).undo(now_us=_now_us(), who=_who(), why=options.reason)
    terminal.say(f"In force again: version {version}" if version else "In force again: no policy")


def _versions(store: Path) -> "Versions":
    from spiritsafe.pipeline.policies import policy_folder
    from spiritsafe.policy.versions import Versions

    return Versions(policy_folder(store))


def _current(versions: "Versions") -> Path:
    kept = versions.current()
    if kept is None:
        raise StoreError(f"{versions.folder}: no policy was applied", hint="Apply one with: spiritsafe policy apply")
    return kept.path


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "unknown"


def _now_us() -> int:
    return time.time_ns() // 1_000
