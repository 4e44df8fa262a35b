"""API keys in logged headers: what they are told apart by, and how they are kept out of everything.

A key becomes its SHA-256 in hexadecimal, which is what LiteLLM stores for its own keys, so that one account has one
id in both logs. It needs no secret of ours: a provider's key holds more than 100 random bits and cannot be guessed
from its hash. What is no lasting key of one account is none here: a key that a logger has masked would make one
account of all, a token that is renewed (JWT) or a signature (AWS) many accounts of one.
Source: RFC 9110, 11.6.2; RFC 6750, 2.1; RFC 7519.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["KEY_HEADERS", "NAMES", "TOLD", "hashed", "key_hash", "opaque", "without_keys"]

KEY_HEADERS = ("authorization", "x-api-key", "api-key")
"""Request headers that hold a key, in the order in which they are looked at."""

_SECRET_HEADERS = (
    *("proxy-authorization", "authorization", "x-goog-api-key", "x-api-key", "api-key", "api_key"),
    *("helicone-auth", "set-cookie", "cookie"),
)
_SCHEME = re.compile(r"bearer\s+", re.IGNORECASE)
_MASKED = re.compile(r"\*{2}|\.{3}|\u2026|x{6}|redact|masked|[\s,<>\[\]{}]", re.IGNORECASE)
_RENEWED = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*")
_SHORTEST = 16
TOLD = b"[key kept out]"
"""Stands where a key stood."""
_QUOTE = rb"""\\*["']"""
NAMES = b"(?:" + b"|".join(name.encode() for name in _SECRET_HEADERS) + b")"
"""Matches the name of a header that holds a secret, in lower case."""
_VALUE = rb"""(?P<secret>(?:[^"'\\\r\n]++|\\++(?!["']))++)"""
"""Up to its quote, over what else is escaped; never back, or a value without a name behind it would take for ever."""
_INTO = rb"""(?:[\[{]\s*(?:\\*["'](?:array_?value|values|string_?value)\\*["']\s*:\s*)?)*+"""
"""Into the lists of a header given several times, and into what OpenTelemetry wraps a value in."""
_OUT_OF = rb"[\s\]}]*+"
_SECRETS = tuple(
    re.compile(pattern)  # for lower case: a pattern that minds no case is ten times slower
    for pattern in (
        # as JSON, escaped any number of times: "name": "...", ["name", "..."], {"name": "name", "value": "..."}
        rb"%b%b\s*[:,]\s*(?:%bvalue%b\s*:\s*)?%b%b%b" % (NAMES, *[_QUOTE] * 3, _INTO, _QUOTE, _VALUE),
        rb"value%b\s*:\s*%b%b(?=%b%b,\s*%b(?:name|key)%b\s*:\s*%b[^\"'\\]*%b)"
        % (*[_QUOTE] * 2, _VALUE, _QUOTE, _OUT_OF, *[_QUOTE] * 3, NAMES),
        rb"%b\s*[:=]\s*%b" % (NAMES, _VALUE),  # as in a message of HTTP
        rb"\b(?P<secret>(?:sk|pk|rk)-[a-z0-9_-]{8,}|bearer\s+[a-z0-9._~+/=-]{8,})",
    )
)
_BARE = re.compile(r"(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}|[Bb]earer\s+[A-Za-z0-9._~+/=-]{8,}")


def key_hash(headers: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of the key that a request was made with, in hexadecimal; None if it shows none whole.

    Args:
        headers: lower-case name -> value.

    >>> key_hash({"authorization": "Bearer sk-test-0123456789abcdef"}) == key_hash(
    ...     {"x-api-key": "sk-test-0123456789abcdef"})
    True
    >>> key_hash({"authorization": "Bearer sk-...cdef"}) is None
    True
    """
    for name in KEY_HEADERS:
        value = headers.get(name)
        if isinstance(value, str):
            key = _SCHEME.sub("", value.strip(), count=1).strip()
            if len(key) >= _SHORTEST and not _MASKED.search(key) and not _RENEWED.fullmatch(key):
                return hashed(key)
    return None


def hashed(key: str) -> str:
    """Return the SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def opaque(value: object) -> object:
    """Return an id as it is, unless it is a bare key, which becomes its hash.

    >>> opaque("tenant-7")
    'tenant-7'
    """
    return hashed(_SCHEME.sub("", value, count=1)) if isinstance(value, str) and _BARE.fullmatch(value) else value


def without_keys(text: str) -> str:
    """Return a record's text for the quarantine file, without the values of secret headers and without bare keys.

    >>> without_keys('{"headers": {"Authorization": "Bearer sk-test-0123456789abcdef"}, "n": 1}')
    '{"headers": {"Authorization": "[key kept out]"}, "n": 1}'
    """
    data = text.encode("utf-8", "surrogatepass")
    for pattern in _SECRETS:
        parts, at = [], 0
        for found in pattern.finditer(data.lower()):
            parts += [data[at : found.start("secret")], TOLD]
            at = found.end("secret")
        data = b"".join([*parts, data[at:]])
    return data.decode("utf-8", "surrogatepass")
