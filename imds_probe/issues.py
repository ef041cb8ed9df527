"""Where users report what is wrong. `make declared` takes the addresses from setup.cfg, the one place where they are named."""

ISSUES = ""
SECURITY = ""


def place_for_issues() -> str:
    """To follow "Report ...": "at ADDRESS", or where there is no public place, to whom."""
    return _place(ISSUES)


def place_for_vulnerabilities() -> str:
    """The same for what must not be read by everybody."""
    return _place(SECURITY)


def _place(address: str) -> str:
    return f"at {address}" if address else "to whoever maintains your package"
