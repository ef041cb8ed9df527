"""The whole switch, in steps: this instance, its role, what launches the next instance, and the account."""
