"""Order of numbers written in digits, however many."""

from __future__ import annotations


def compare_digits(a: str, b: str) -> int:
    """Order two numbers; without any digit it is a zero."""
    # By length and then by text: no number is too long, where int() refuses more than 4,300 digits.
    a, b = a.lstrip("0"), b.lstrip("0")
    return (len(a) > len(b)) - (len(a) < len(b)) or (a > b) - (a < b)
