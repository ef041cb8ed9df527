"""The one error of all formats of rpm's database."""

from __future__ import annotations


class DatabaseError(ValueError):
    """A file that is no rpm database of its format, or a damaged one. Its text goes on from the file's name."""
