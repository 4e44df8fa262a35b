"""A plain, slow reading of what the kernels do, for them to be compared with."""

import re
import unicodedata
from collections.abc import Iterator

from spiritsafe.sketch.characters import COLON, LETTER, NEWLINE, QUOTE, STOP, UNSPACED, role

MASK = (1 << 64) - 1
_URL = re.compile(r"(?:www\.|https?://)[^ \n\"')<>\]}]*")
_HEX4 = "[0-9a-f]{4}"
_UUID = re.compile(f"[0-9a-f]{{8}}-{_HEX4}-{_HEX4}-{_HEX4}-[0-9a-f]{{12}}")
_IGNORED = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")
_GAP = re.compile("[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")
_LINE = re.compile("[\n\r\x85\u2028\u2029]")


def siphash(data: bytes, k0: int, k1: int, compress: int = 1, final: int = 3) -> int:
    """SipHash-c-d as the paper states it."""
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turn(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & MASK

    def rounds(n: int) -> None:
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        rounds(compress)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(final)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def normalise(text: str) -> str:
    """NFKC and case folding for what is not ASCII, invisible characters out, white space collapsed."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    # A gap may be interrupted by invisible characters, which are dropped first.
    collapsed = _GAP.sub(lambda gap: "\n" if _LINE.search(gap[0]) else " ", _IGNORED.sub("", folded))
    return collapsed.strip(" \n")


def masked(word: str) -> bytes:
    """One word as it is hashed."""
    if re.fullmatch("[0-9a-f]{8,}", word) and re.search("[0-9]", word) and not word.isdecimal():
        return b"\x01"
    if len(word.encode()) > 64:
        return b"\x03"
    return re.sub(r"[0-9][0-9.,]*", "0", word).encode()


def _word(text: str, at: int) -> tuple[bytes, int]:
    if match := _URL.match(text, at):
        return b"\x02", at + max(4, len(match[0].rstrip("!,.:;?")))
    if match := _UUID.match(text, at):
        return b"\x01", match.end()
    end, digits = at, False
    while end < len(text):
        inside = digits and text[end] in ",." and text[end - 1] in "0123456789" and text[end + 1 : end + 2]
        if role(ord(text[end])) == LETTER or text[end] in "0123456789" or (inside and inside in "0123456789"):
            digits |= text[end] in "0123456789"
            end += 1
        else:
            break
    return masked(text[at:end]), end


def _ends(text: str, at: int) -> bool:
    kind, char, after = role(ord(text[at])), text[at], text[at + 1 : at + 2]
    if kind in (NEWLINE, QUOTE) or (kind == STOP and not char.isascii()):
        return True
    return kind in (STOP, COLON) and (not after or after in " \n\"')]" or after.encode()[0] >= 0xE0)


def segments(text: str) -> Iterator[list[bytes]]:
    """Masked words of each segment of a normalised text."""
    current: list[bytes] = []
    at = 0
    while at < len(text):
        kind = role(ord(text[at]))
        if kind == UNSPACED:
            current.append(text[at].encode())
            at += 1
        elif kind == LETTER or text[at] in "0123456789":
            word, at = _word(text, at)
            current.append(word)
        else:
            if _ends(text, at) and current:
                yield current
                current = []
            at += 1
    if current:
        yield current


def segment_hash(words: list[bytes], word_key: tuple[int, int], segment_key: tuple[int, int]) -> int:
    """SipHash over the words' hashes."""
    hashed = b"".join(siphash(word, *word_key).to_bytes(8, "little") for word in words)
    return siphash(hashed, *segment_key)
