"""Raw identifiers, sealed to a public key for a limited time, opened by a person with a reason.

The process that scans holds only the public key: it can put an identifier in and never read one back.
The secret key lives with the investigators. Every request leaves an audit row before its answer.

An entry belongs to the file of the day on which it expires, so that forgetting is deleting a file.
Expiry is rounded down to a whole day, UTC: nothing outlives its promise. An entry carries a MAC under a
key of the store, because anyone with the public key could otherwise lay a stranger's address under a
pseudonym. Padding keeps the length of an address from telling which it is.
"""

import hmac
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from spiritsafe.model.errors import StoreError, VaultError
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.appendlog import append, complete_lines
from spiritsafe.privacy.audit import Outcome, record
from spiritsafe.privacy.keys import MasterKey, Purpose

__all__ = ["Identifier", "Role", "Vault"]

_DAY_US = 86_400_000_000
_PAD = 128


class Role(StrEnum):
    """What a person is, as far as the vault cares."""

    ANALYST = "analyst"
    INVESTIGATOR = "investigator"


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """A raw identifier and the pseudonym that stands for it.

    Attributes:
        kind: the trait.
        pseudonym: its pseudonym in the epoch in which it was seen.
        raw: as it came in.
        expires_us: when it must be forgotten, microseconds since the epoch.
    """

    kind: TraitKind
    pseudonym: int
    raw: str
    expires_us: int

    def __repr__(self) -> str:
        return f"Identifier({self.kind}, {self.pseudonym})"


class _Entry(msgspec.Struct, frozen=True):
    kind: TraitKind
    pseudonym: int
    box: bytes
    mac: bytes


class Vault:
    """The sealed identifiers of one store.

    Args:
        folder: made on the first seal.
        master: the store's key, under which entries are authenticated.
    """

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._mac_key = master.subkey(Purpose.VAULT)
        self._sealed: set[tuple[int, TraitKind, int]] = set()

    @property
    def audit_path(self) -> Path:
        """The audit chain; check it with :func:`spiritsafe.privacy.audit.verify`."""
        return self._folder / "audit.jsonl"

    def seal(self, identifiers: Iterable[Identifier], public_key: PublicKey) -> int:
        """Seal identifiers to ``public_key``, one entry per pseudonym and expiry day.

        Args:
            identifiers: what to seal; what this object has sealed before is left out.
            public_key: of the investigators.

        Returns:
            How many entries were added.

        Raises:
            StoreError: if the disk refuses.
        """
        items = {(item.expires_us // _DAY_US, item.kind, item.pseudonym): item for item in identifiers}
        fresh = sorted(items.keys() - self._sealed)
        box = SealedBox(public_key)
        for day, keys in groupby(fresh, key=lambda key: key[0]):
            self._append(day, [self._seal(items[key], box) for key in keys])
        self._sealed.update(fresh)
        return len(fresh)

    def purge(self, now_us: int) -> int:
        """Delete every file of expired entries; return how many entries went.

        Raises:
            StoreError: if the folder cannot be written.
        """
        gone = 0
        for path in self._day_files():
            if _day(path) * _DAY_US <= now_us:
                gone += len(complete_lines(path))
                try:
                    path.unlink()
                except OSError as error:
                    hint = "Make the folder writable: expired identifiers are still on the disk."
                    raise StoreError(f"{path}: {error.strerror}", hint=hint) from error
        return gone

    def open(
        self, pseudonym: int, *, secret_key: PrivateKey, role: Role, reason: str, case_id: str, now_us: int
    ) -> list[Identifier]:
        """Return the raw identifiers behind a pseudonym after an audit row has been written.

        Args:
            pseudonym: the value in ``traits``.
            secret_key: of the investigators.
            role: of the person who asks; only an investigator may.
            reason: in that person's words.
            case_id: the case that needs it.
            now_us: the time, microseconds since the epoch.

        Raises:
            VaultError: role, reason or case are missing, there is no such entry, it has expired, was
                tampered with or sealed to another key, or the audit row cannot be written.
        """
        problem = _objection(role, reason, case_id)
        entries = [] if problem else self._entries(pseudonym, now_us)
        if not entries and not problem:
            problem = "the vault holds no identifier for this pseudonym, or it has expired"
        record(
            self.audit_path,
            at_us=now_us,
            outcome=Outcome.REFUSED if problem else Outcome.GRANTED,
            detail={"pseudonym": str(pseudonym), "role": role, "case_id": case_id, "reason": reason},
        )
        if problem:
            raise VaultError(f"pseudonym {pseudonym}: {problem}", hint="The request has been recorded.")
        opened = self._unseal(entries, SealedBox(secret_key))
        found = {(item.kind, item.raw): item for item in opened if _expiry(item) > now_us}
        return [found[key] for key in sorted(found)]

    def _append(self, day: int, lines: list[bytes]) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            append(self._folder / f"expires-{day}.jsonl", lambda _last: lines)
        except OSError as error:
            raise StoreError(
                f"{self._folder}: cannot seal identifiers: {error.strerror}",
                hint="Free some disk space or make the folder writable.",
            ) from error

    def _seal(self, item: Identifier, box: SealedBox[PublicKey]) -> bytes:
        content = msgspec.json.encode(item)
        padded = content.ljust(-(-len(content) // _PAD) * _PAD)
        sealed = box.encrypt(padded)
        return msgspec.json.encode(_Entry(item.kind, item.pseudonym, sealed, self._mac(item, sealed)))

    def _mac(self, item: Identifier | _Entry, sealed: bytes) -> bytes:
        return hmac.digest(self._mac_key, f"{item.kind}\x1f{item.pseudonym}\x1f".encode() + sealed, "sha256")

    def _entries(self, pseudonym: int, now_us: int) -> list[_Entry]:
        live = [path for path in self._day_files() if _day(path) * _DAY_US > now_us]
        entries = [_decode(line, path) for path in live for line in complete_lines(path)]
        return [entry for entry in entries if entry.pseudonym == pseudonym]

    def _unseal(self, entries: Sequence[_Entry], box: SealedBox[PrivateKey]) -> list[Identifier]:
        opened = []
        for entry in entries:
            if not hmac.compare_digest(entry.mac, self._mac(entry, entry.box)):
                raise VaultError(f"pseudonym {entry.pseudonym}: the entry was not sealed by this store")
            try:
                opened.append(msgspec.json.decode(box.decrypt(entry.box), type=Identifier))
            except CryptoError as error:
                raise VaultError(
                    f"pseudonym {entry.pseudonym}: the entry is sealed to another key",
                    hint="Use the secret key that belongs to the public key of that time.",
                ) from error
        return opened

    def _day_files(self) -> list[Path]:
        return sorted(self._folder.glob("expires-*.jsonl"))


def _objection(role: Role, reason: str, case_id: str) -> str:
    if role is not Role.INVESTIGATOR:
        return "only an investigator may open the vault"
    if not reason.strip():
        return "opening the vault needs a reason"
    return "" if case_id.strip() else "opening the vault needs a case id"


def _expiry(item: Identifier) -> int:
    """Return the moment of forgetting, whatever the name of the file that the entry was found in."""
    return item.expires_us // _DAY_US * _DAY_US


def _day(path: Path) -> int:
    return int(path.stem.removeprefix("expires-"))


def _decode(line: bytes, path: Path) -> _Entry:
    try:
        return msgspec.json.decode(line, type=_Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VaultError(f"{path}: a vault entry cannot be read", hint="Restore the file.") from error
