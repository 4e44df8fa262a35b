"""Makes every string of a scan's result harmless to show: no invisible, control or direction-turning characters.

Account ids, model names and templates are written by strangers. HTML escaping is the template's work, but a
right-to-left override, an escape sequence or a lone surrogate deceives a reader, a terminal or an encoder that
escapes perfectly; so both the report and the terminal pass the whole result through here once, at their door.
"""

import json
from typing import Any

import msgspec

from spiritsafe.model.dossier import ScanResult

__all__ = ["plain", "plain_all", "plain_json", "plain_result", "shorten"]


def plain(text: str) -> str:
    r"""Show white space as blanks and every other unprintable character as its code point.

    >>> plain("acct\u202e7")
    'acct⟨U+202E⟩7'
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def plain_json(text: str) -> str:
    r"""Return JSON text that says the same with every unprintable character escaped, line ends aside.

    >>> plain_json('"acct\u202e7"')
    '"acct\\u202e7"'
    """
    if text.isascii():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a text longer than ``limit`` characters; both ends tell names apart.

    >>> shorten("account-000000000000-042", 12)
    'accoun…0-042'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


def plain_all(value: Any) -> Any:
    """Return nested lists and dictionaries with ``plain`` applied to each string, keys included."""
    match value:
        case str():
            return plain(value)
        case list():
            return [plain_all(item) for item in value]
        case dict():
            return {plain(key): plain_all(item) for key, item in value.items()}
        case _:
            return value


def plain_result(result: ScanResult) -> ScanResult:
    """Return ``result`` with ``plain`` applied to each string in it, keys included."""
    if _is_plain(result):
        return result
    return msgspec.convert(plain_all(msgspec.to_builtins(result)), ScanResult)


def _is_plain(result: ScanResult) -> bool:
    """Return whether surely nothing in ``result`` needs showing otherwise, as one text instead of string by string.

    JSON writes line ends and control characters with a backslash, and cannot write half a surrogate pair at all.
    """
    try:
        text = msgspec.json.encode(result).decode()
    except UnicodeEncodeError:
        return False
    return text.isprintable() and "\\" not in text


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else f"⟨U+{ord(character):04X}⟩"
