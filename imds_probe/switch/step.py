"""A step of the switch, and what all steps are made from."""

from __future__ import annotations

import shlex

from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import Owner

EKS = "eks.amazonaws.com"


@dataclass(frozen=True)
class Setting:
    """What to write into the code or configuration of a tool, such as "Terraform"."""

    tool: str
    text: str


@dataclass(frozen=True)
class Step:
    """One step. `commands` make it and `rollback` undoes it, lines for one shell each, in their order. Where somebody's code or
    configuration makes what is changed, `settings` say what to write there; `notes` are whole sentences. A step that has to wait
    says for what in `waits_for`, in sentences without a full stop. `no_rollback` says in whole sentences why there is no way
    back, and who can open it; it is empty where there is one, or nothing to undo by a command.
    """

    what: str
    commands: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    no_rollback: str = ""


@dataclass(frozen=True)
class Plan:
    """What is known of an instance that is to be switched. `before` are its options now and `after` those of the switch, None where
    they are not known. `limit_reason` says in a clause why the hop limit is above 1, and is empty where it is not. `untried` says
    in whole sentences what will show whether the token arrives with that limit, and is empty where that was measured.
    """

    before: MetadataOptions
    after: MetadataOptions
    instance: Instance | None = None
    control_plane: ControlPlane | None = None
    limit_reason: str = ""
    waits_for: tuple[str, ...] = ()
    untried: str = ""

    @property
    def owner(self) -> Owner | None:
        return self.instance.owner if self.instance else None

    @property
    def is_of_eks(self) -> bool:
        """Whether EKS owns the instance, as in Auto Mode: EC2 lets nobody else change its options."""
        known = self.control_plane is not None and self.control_plane.managed_by == EKS
        return known or (self.owner is not None and self.owner.kind == "eks-auto-mode")

    @property
    def region(self) -> str:
        """The option that names the Region, with a space before it; empty where it is not known."""
        return f" --region {shlex.quote(self.instance.region)}" if self.instance and self.instance.region else ""

    @property
    def instance_id(self) -> str:
        return word(self.instance.instance_id if self.instance else None, "INSTANCE_ID")


def word(value: str | None, variable: str) -> str:
    """A value as one word of a shell; where it is not known, a variable that stands for it. Quoted, as a stored report that is
    judged again is whoever's.
    """
    return shlex.quote(value) if value else f'"${variable}"'
