from __future__ import annotations

from imds_probe.inventory.schedules.systemd.syntax import ASSIGNMENTS_MAX, Assignment, assignments

TEXT = """# c
Lost=1
[Unit]
; c
A = b
[Service]
ExecStart=/x \\
# a comment in between
   y \\

   z
.include /etc/other
odd
B=
=c
C=d\\"""


def test_assignments_with_their_lines() -> None:
    assert list(assignments(TEXT, "/p")) == [
        Assignment("Unit", "A", "b", "/p", 5),
        Assignment("Service", "ExecStart", "/x  y", "/p", 7),
        Assignment("", "", "/etc/other", "/p", 12),
        Assignment("Service", "B", "", "/p", 14),
        Assignment("Service", "", "c", "/p", 15),
        Assignment("Service", "C", "d", "/p", 16),
    ]


def test_there_are_only_so_many() -> None:
    assert len(list(assignments("[A]\n" + "b=c\n" * 2 * ASSIGNMENTS_MAX, "/p"))) == ASSIGNMENTS_MAX
