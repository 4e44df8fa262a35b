"""Operators' keys: made once, kept from others, and known for what they are."""

import stat
from pathlib import Path

import pytest

from spiritsafe.model.errors import ConfigError, StoreError
from spiritsafe.policy.signature import (
    generate_signing_key,
    load_signing_key,
    load_trusted_keys,
    public_text,
    sign,
    verify,
)


def test_a_pair_of_keys(tmp_path: Path) -> None:
    secret = tmp_path / "keys" / "operator"
    public = generate_signing_key(secret)
    assert public.name == "operator.pub"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    key = load_signing_key(secret)
    (trusted,) = load_trusted_keys([public, public])
    assert trusted == public_text(key)
    assert verify(b"header\n", sign(b"header\n", key), trusted)
    assert not verify(b"header \n", sign(b"header\n", key), trusted)
    with pytest.raises(StoreError, match="already is a file"):
        generate_signing_key(secret)


def test_what_is_no_key(tmp_path: Path) -> None:
    for content in ("", "xyz", "00" * 31, "ü" * 64):
        path = tmp_path / "file"
        path.write_text(content, "utf-8")
        path.chmod(0o600)
        with pytest.raises(ConfigError, match="no signing key"):
            load_signing_key(path)
        with pytest.raises(ConfigError, match="no public key"):
            load_trusted_keys([path])
    with pytest.raises(ConfigError, match="no signing key"):
        load_signing_key(tmp_path / "missing")
    with pytest.raises(ConfigError, match="no public key"):
        load_trusted_keys([tmp_path / "missing"])


def test_a_secret_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "operator"
    generate_signing_key(secret)
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="lets others at the key"):
        load_signing_key(secret)


def test_a_point_that_is_none_verifies_nothing() -> None:
    assert not verify(b"header\n", "00" * 64, "ff" * 32)
