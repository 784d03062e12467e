"""Names and figures in words, the same on a terminal and on a page.

Names from a disk are escaped, so that no name can move the cursor, colour the terminal or turn the
direction of a line.
"""


def escape(name: str) -> str:
    """A name as it can be shown: control characters and undecodable bytes become \\x.. or \\u....

    >>> print(escape("a\\nb\\x1b[31m"))
    a\\x0ab\\x1b[31m
    """
    if name.isprintable() and name.isascii():
        return name
    return "".join(_shown(character) for character in name)


def _shown(character: str) -> str:
    import unicodedata

    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character == "\u200d" or unicodedata.category(character) not in (
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    ):
        return character  # U+200D joins the parts of one emoji
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def percent(value: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{value:.1%}"


def interval(low: float, high: float) -> str:
    """An interval in percent; decimals only where it is narrow enough for them to mean something.

    >>> interval(0.562, 0.809), interval(0.951, 0.969)
    ('[56, 81]', '[95.1, 96.9]')
    """
    digits = 0 if high - low > 0.1 else 1
    return f"[{100 * low:.{digits}f}, {100 * high:.{digits}f}]"


def count(n: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "photo"), count(2000, "photo")
    ('1 photo', '2,000 photos')
    """
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
