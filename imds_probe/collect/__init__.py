"""Observing: what the collectors of collectors.py do, and what they have the parser work on."""
