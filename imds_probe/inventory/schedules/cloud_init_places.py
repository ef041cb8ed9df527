"""Where cloud-init keeps what it knows of an instance, and where it gets the user data from: for those who need no more of it."""

from __future__ import annotations

CLOUD = "/var/lib/cloud"
SERVED = "/latest/user-data"  # where the service has it, which stands for its place
