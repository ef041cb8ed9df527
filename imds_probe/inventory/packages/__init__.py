"""The package managers of a host, listed in managers.py, and their databases."""
