"""Damaged bytes, damaged texts and odd values: what a program meets when files rot and people mistype.

Everything is drawn from the ``random.Random`` that is given, so that a finding can be drawn again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

ODD_LETTERS = (
    "\x00\x07\x0b\x0c\x1b\x1c\x85\xa0²٣𝟙Åé\u200b\u202e\u2028\ufeff\ufffd\U0001f600\r\n\t\\\"'`$%{}[]()<>/*#;,=+-"
)
ODD_WORDS = (
    "", " ", "0", "-1", "1e999", "nan", "inf", "-0", "²", "9" * 30, "9" * 5000, "None", "true", "\n", "\r\n", "\x00",
    "//", "/*", "*/", "#", "\\\n", '"', "'", "(", ")", "{", "}", "[", "]", ";", ",", "..", "../../etc", "[/red]", "%s",
    "{0}", "--", "-", "\x1b[31m", "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END", "TUNE(", "TUNE(A, 1, 2)", "#pragma",
    "@every", "[bold]",
)  # fmt: skip
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def damaged(rng: random.Random, data: bytes, most: int = 8) -> bytes:
    """These bytes after up to ``most`` accidents: bits flipped, stretches lost, doubled, zeroed, moved or foreign."""
    found = bytearray(data)
    for _ in range(rng.randint(1, most)):
        begin = rng.randrange(len(found) + 1)
        end = min(len(found), begin + int(rng.paretovariate(0.7)))
        match rng.randrange(8):
            case 0 | 1 if begin < len(found):
                found[begin] ^= 1 << rng.randrange(8)
            case 2 if begin < len(found):
                found[begin] = rng.choice((0, 9, 10, 32, 127, 128, 255, rng.randrange(256)))
            case 3:
                del found[begin:end]
            case 4:
                found[begin:begin] = found[begin:end]
            case 5:
                found[begin:end] = bytes(end - begin)
            case 6:
                found[begin:begin] = rng.randbytes(rng.randint(1, 9))
            case _:
                del found[begin if rng.random() < 0.3 else end :]
    return bytes(found)


def damaged_text(rng: random.Random, text: str, words: Sequence[str] = ODD_WORDS, most: int = 6) -> str:
    """This text after up to ``most`` slips of a hand: words or lines lost, doubled, swapped, replaced by odd ones."""
    for _ in range(rng.randint(1, most)):
        lines = rng.random() < 0.3
        parts = text.splitlines(keepends=True) if lines else _TOKEN.findall(text)
        if not parts:
            return odd_text(rng)
        one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(6):
            case 0:
                del parts[one : one + rng.randint(1, 3)]
            case 1:
                parts.insert(other, parts[one])
            case 2:
                parts[one], parts[other] = parts[other], parts[one]
            case 3:
                parts[one] = rng.choice(words)
            case 4:
                parts.insert(one, rng.choice(words))
            case _:
                parts[one] = odd_text(rng, 6)
        text = "".join(parts)
    return text


def odd_text(rng: random.Random, longest: int = 40) -> str:
    """Any text: plain, from odd words, or from letters that programs stumble over."""
    length = rng.randint(0, longest)
    match rng.randrange(4):
        case 0:
            return rng.choice(ODD_WORDS)
        case 1:
            return "".join(rng.choice(ODD_LETTERS) for _ in range(length))
        case 2:
            return " ".join(rng.choice(ODD_WORDS) for _ in range(length // 6 + 1))
        case _:
            return "".join(chr(rng.randrange(0xD800)) for _ in range(length))


def odd_value(rng: random.Random, depth: int = 2) -> Any:
    """Any plain value: none, numbers of every size and kind, texts, bytes, and lists and mappings of them."""
    makers: list[Callable[[], Any]] = [
        lambda: rng.choice((None, True, False, 0, 1, -1, 2**31, -(2**63), 10**40, 0.0, -0.5, 1e308)),
        lambda: rng.choice((float("nan"), float("inf"), -float("inf"), 1j, ..., NotImplemented, object, len)),
        lambda: rng.randint(-100, 100000),
        lambda: odd_text(rng),
        lambda: rng.randbytes(rng.randint(0, 8)),
    ]
    if depth:
        makers += [
            lambda: [odd_value(rng, depth - 1) for _ in range(rng.randint(0, 3))],
            lambda: tuple(odd_value(rng, depth - 1) for _ in range(rng.randint(0, 3))),
            lambda: {odd_text(rng, 8): odd_value(rng, depth - 1) for _ in range(rng.randint(0, 3))},
        ]
    return rng.choice(makers)()
