"""Ecosystems: a small module each, listed in listed.py. docs/adding-an-ecosystem.md says what a new one takes."""
