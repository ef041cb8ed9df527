"""What labs left behind whose process was killed: the one end that a process cannot clean up after by itself."""

from __future__ import annotations

from imds_probe.simulator.lab import naming, plumbing, processes


def remove_stale() -> tuple[str, ...]:
    """End the programs and remove the namespaces of labs whose owner is gone; return the namespaces' names.

    Only what a lab named, and only where its owner is certain to be gone. Raises LabError without the privilege.
    """
    known = {lab_id for lab_id in _by_namespace().values() if lab_id} | processes.labs()
    gone = {lab_id for lab_id in known if lab_id.owner.is_gone()}
    # Programs first: an orphaned `ip` may be about to make one namespace more.
    for lab_id in gone:
        processes.end(lab_id)
    stale = [name for name, lab_id in _by_namespace().items() if lab_id in gone]
    plumbing.remove_namespaces(stale)
    return tuple(stale)


def _by_namespace() -> dict[str, naming.LabId | None]:
    found = sorted(naming.NETNS_DIRECTORY.glob(f"{naming.PREFIX}*"))
    return {path.name: naming.parse(path.name) for path in found}
