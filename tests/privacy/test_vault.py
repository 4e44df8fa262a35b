"""The vault: sealed without the secret key, opened with it, a reason and a trace, forgotten in time."""

import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey

from spiritsafe.model.errors import ConfigError, StoreError, VaultError
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.audit import Outcome, verify
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.vault import Identifier, Role, Vault
from spiritsafe.privacy.vaultkeys import generate_vault_keys, load_public_key, load_secret_key

DAY = 86_400_000_000
MASTER = MasterKey(bytes(32))
SECRET = PrivateKey(bytes(range(32)))
RAW = "198.51.100.77"


def identifier(pseudonym: int = 5, raw: str = RAW, day: int = 10, kind: TraitKind = TraitKind.IP) -> Identifier:
    return Identifier(kind=kind, pseudonym=pseudonym, raw=raw, expires_us=day * DAY + 123)


def filled(tmp_path: Path, *items: Identifier) -> Vault:
    vault = Vault(tmp_path / "vault", MASTER)
    vault.seal(items or [identifier()], SECRET.public_key)
    return vault


def opening(vault: Vault, pseudonym: int = 5, **changes: Any) -> list[Identifier]:
    asked: dict[str, Any] = {"role": Role.INVESTIGATOR, "reason": "abuse report", "case_id": "C-1", "now_us": DAY}
    return vault.open(pseudonym, secret_key=changes.pop("secret_key", SECRET), **(asked | changes))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let every write beyond ``size`` fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_sealed_opens_again(tmp_path: Path) -> None:
    vault = filled(tmp_path, identifier(), identifier(6, "::1"), identifier(5, RAW, 11))
    assert [item.raw for item in opening(vault)] == [RAW]
    assert [item.raw for item in opening(vault, 6)] == ["::1"]
    assert [row.detail["pseudonym"] for row in verify(vault.audit_path)] == ["5", "6"]
    assert verify(vault.audit_path)[0].detail["reason"] == "abuse report"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.text(max_size=300), pseudonym=st.integers(-(2**63), 2**63 - 1))
def test_any_text_survives_sealing(tmp_path: Path, raw: str, pseudonym: int) -> None:
    vault = filled(tmp_path, identifier(pseudonym, raw))
    assert raw in [item.raw for item in opening(vault, pseudonym)]


def test_nothing_raw_is_on_the_disk_or_in_a_message(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    opening(vault)
    for path in (tmp_path / "vault").iterdir():
        assert RAW.encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert RAW not in repr(identifier())


def test_short_and_long_addresses_look_alike(tmp_path: Path) -> None:
    filled(tmp_path, identifier(5, "1.1.1.1"), identifier(6, "2001:db8:1111:2222:3333:4444:5555:6666"))
    (path,) = (tmp_path / "vault").glob("expires-*")
    short, long = path.read_bytes().splitlines()
    assert len(short) == len(long)


def test_one_entry_per_pseudonym_and_day(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    again = [identifier(), identifier(), identifier(5, RAW, 11), identifier(7)]
    assert vault.seal(again, SECRET.public_key) == 2
    assert vault.seal(again, SECRET.public_key) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"role": Role.ANALYST}, "only an investigator"),
        ({"reason": " "}, "needs a reason"),
        ({"case_id": ""}, "needs a case id"),
        ({"pseudonym": 99}, "holds no identifier"),
        ({"now_us": 10 * DAY}, "has expired"),
    ],
)
def test_a_refusal_is_recorded(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    vault = filled(tmp_path)
    with pytest.raises(VaultError, match=reason):
        opening(vault, **changes)
    assert [row.outcome for row in verify(vault.audit_path)] == [Outcome.REFUSED]


def test_without_an_audit_row_nothing_opens(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    with files_no_larger_than(100), pytest.raises(VaultError, match="audit row cannot be written"):
        opening(vault)
    assert verify(vault.audit_path) == []
    assert [item.raw for item in opening(vault)] == [RAW]


def test_the_row_is_written_before_the_box_is_opened(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    with pytest.raises(VaultError, match="sealed to another key"):
        opening(vault, secret_key=PrivateKey(bytes([7] * 32)))
    assert len(verify(vault.audit_path)) == 1


def test_time_to_live_is_kept(tmp_path: Path) -> None:
    vault = filled(tmp_path, identifier(5, "::1", 10), identifier(5, "::2", 11))
    assert vault.purge(10 * DAY - 1) == 0
    assert [item.raw for item in opening(vault, now_us=10 * DAY - 1)] == ["::1", "::2"]
    assert [item.raw for item in opening(vault, now_us=10 * DAY)] == ["::2"]
    assert vault.purge(10 * DAY) == 1
    assert [path.name for path in (tmp_path / "vault").glob("expires-*")] == ["expires-11.jsonl"]
    assert vault.purge(400 * DAY) == 1


def test_moving_an_entry_to_a_later_file_does_not_lengthen_its_life(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    (path,) = (tmp_path / "vault").glob("expires-*")
    path.rename(path.with_name("expires-999.jsonl"))
    assert opening(vault, now_us=20 * DAY) == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace(b'"pseudonym":6', b'"pseudonym":5'),
        lambda line: line.replace(b'"pseudonym":6', b'"pseudonym":5').replace(b'"ip"', b'"email"'),
    ],
)
def test_an_entry_under_another_pseudonym_is_found_out(tmp_path: Path, forge: Callable[[bytes], bytes]) -> None:
    vault = filled(tmp_path, identifier(6, "::6"))
    (path,) = (tmp_path / "vault").glob("expires-*")
    path.write_bytes(forge(path.read_bytes()))
    with pytest.raises(VaultError, match="not sealed by this store"):
        opening(vault)


def test_whoever_has_only_the_public_key_cannot_add_an_entry(tmp_path: Path) -> None:
    stranger = Vault(tmp_path / "vault", MasterKey(bytes([1] * 32)))
    stranger.seal([identifier(5, "framed")], SECRET.public_key)
    with pytest.raises(VaultError, match="not sealed by this store"):
        opening(Vault(tmp_path / "vault", MASTER))


def test_a_crash_within_an_append_costs_only_that_entry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vault = filled(tmp_path)
    vault.seal([identifier(6, "::6")], SECRET.public_key)
    (path,) = (tmp_path / "vault").glob("expires-*")
    path.write_bytes(path.read_bytes()[:-20])
    assert [item.raw for item in opening(vault)] == [RAW]
    assert "unfinished last line" in caplog.text
    vault.seal([identifier(7, "::7")], SECRET.public_key)
    assert [item.raw for item in opening(vault, 7)] == ["::7"]


def test_a_garbled_entry_is_named(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    (path,) = (tmp_path / "vault").glob("expires-*")
    path.write_bytes(b"{}\n")
    with pytest.raises(VaultError, match=path.name):
        opening(vault)


def test_a_full_disk_is_said_and_the_entry_can_be_sealed_later(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    (path,) = (tmp_path / "vault").glob("expires-*")
    with (
        files_no_larger_than(path.stat().st_size + 10),
        pytest.raises(StoreError, match="cannot seal"),
    ):
        vault.seal([identifier(6, "::6")], SECRET.public_key)
    assert vault.seal([identifier(6, "::6")], SECRET.public_key) == 1
    assert [item.raw for item in opening(vault, 6)] == ["::6"]


def test_a_key_pair_is_made_once_and_fits(tmp_path: Path) -> None:
    public, secret = generate_vault_keys(tmp_path)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert load_secret_key(secret).public_key == load_public_key(public)
    before = secret.read_bytes()
    with pytest.raises(StoreError, match="already is a key"):
        generate_vault_keys(tmp_path)
    assert secret.read_bytes() == before


def test_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    public, secret = generate_vault_keys(tmp_path)
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="lets others"):
        load_secret_key(secret)
    public.write_text("hello")
    for load, path in (
        (load_public_key, public),
        (load_public_key, tmp_path / "no"),
        (load_secret_key, tmp_path / "no"),
    ):
        with pytest.raises(ConfigError, match="vault key"):
            load(path)
