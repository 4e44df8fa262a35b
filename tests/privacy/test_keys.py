"""Keys: RFC vectors, files that only their owner reads, and a lost key that is never replaced."""

import base64
import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spiritsafe.model.errors import ConfigError, SpiritsafeError, StoreError
from spiritsafe.privacy.keys import KEY_VARIABLE, MasterKey, Purpose, hkdf_sha256, load_master_key
from spiritsafe.privacy.secretfile import create_secret, read_secret

SECRET = bytes(range(32))


A2 = (
    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
    "cc30c58179ec3e87c14c01d5c1f3434f1d87"
)


@pytest.mark.parametrize(
    ("key", "salt", "info", "expected"),
    [  # RFC 5869, appendix A.1 to A.3
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            A2,
        ),
        (
            "0b" * 22,
            "",
            "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_gives_the_published_vectors(key: str, salt: str, info: str, expected: str) -> None:
    length = len(expected) // 2
    got = hkdf_sha256(bytes.fromhex(key), salt=bytes.fromhex(salt), info=bytes.fromhex(info), length=length)
    assert got.hex() == expected


def test_subkeys_differ_by_purpose_part_and_master() -> None:
    masters = (MasterKey(SECRET), MasterKey(SECRET[::-1]))
    parts: tuple[tuple[str, ...], ...] = ((), ("a",), ("b",), ("a", "b"), ("ab",))
    keys = [m.subkey(p, *more) for m, p, more in itertools.product(masters, Purpose, parts)]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_a_key_shows_in_no_message() -> None:
    assert SECRET.hex() not in repr(MasterKey(SECRET))
    assert repr(SECRET) not in repr(MasterKey(SECRET))


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    before = os.umask(0)
    try:
        first = load_master_key(path, expected=None, environ={})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]
    again = load_master_key(path, expected=first.check_value, environ={})
    assert again == first
    assert load_master_key(tmp_path / "other", expected=None, environ={}) != first


def test_many_first_users_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(load_master_key, tmp_path / "k", expected=None, environ={}) for _ in range(24)]
    assert len({call.result().secret for call in calls}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["k"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k"
    load_master_key(path, expected=None, environ={})
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_master_key(path, expected=None, environ={})


def test_a_lost_key_is_an_error_and_never_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "k"
    key = load_master_key(path, expected=None, environ={})
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        load_master_key(path, expected=key.check_value, environ={})
    assert not path.exists()


def test_another_key_is_refused(tmp_path: Path) -> None:
    key = load_master_key(tmp_path / "a", expected=None, environ={})
    load_master_key(tmp_path / "b", expected=None, environ={})
    with pytest.raises(StoreError, match="not the key"):
        load_master_key(tmp_path / "b", expected=key.check_value, environ={})


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_the_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    create_secret(tmp_path / "k", bytes(size))
    with pytest.raises(ConfigError, match=f"this one {size}"):
        load_master_key(tmp_path / "k", expected=None, environ={})


@pytest.mark.parametrize("text", [SECRET.hex(), SECRET.hex().upper(), base64.b64encode(SECRET).decode() + "\n"])
def test_the_environment_wins_over_the_file(tmp_path: Path, text: str) -> None:
    load_master_key(tmp_path / "k", expected=None, environ={})
    assert load_master_key(tmp_path / "k", expected=None, environ={KEY_VARIABLE: text}).secret == SECRET


@pytest.mark.parametrize("text", ["hello", "zz" * 32, SECRET.hex()[:-2], base64.b64encode(SECRET[1:]).decode()])
def test_a_malformed_variable_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_master_key(tmp_path / "k", expected=None, environ={KEY_VARIABLE: text})
    assert text not in str(caught.value)
    assert not (tmp_path / "k").exists()


def test_a_secret_is_no_folder_and_never_overwritten(tmp_path: Path) -> None:
    with pytest.raises(SpiritsafeError):
        read_secret(tmp_path)
    assert read_secret(tmp_path / "missing") is None
    assert create_secret(tmp_path / "s", b"one")
    assert not create_secret(tmp_path / "s", b"two")
    assert read_secret(tmp_path / "s") == b"one"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write a key"):
        create_secret(tmp_path / "file" / "key", b"x")
