"""Who ran a program that asks and ends, by what the kernel noted: a script may have ended by the time it is looked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.kept.process_name import is_fetcher
from imds_probe.kept.shapes import is_absolute_path, is_name
from imds_probe.watch.ancestry import GENERATIONS_MAX, Process, is_between, is_runtime, is_shell
from imds_probe.watch.caller import Caller
from imds_probe.watch.lives import Life


@dataclass
class Story:
    """What is known of those above one process. `script`, `started_by` and `client` as in Ancestry; `noted_s` is when the client
    began, of the monotonic clock in seconds, 0 where that was before the notes.
    """

    script: str | None = None
    started_by: str | None = None
    client: Process | None = None
    noted_s: float = 0.0

    def told(self, caller: Caller) -> Caller:
        """A caller with what its notes say; what it has itself is its script, which may have no name in the notes."""
        return replace(
            caller,
            script=self.script or caller.script if is_fetcher(caller.script) else caller.script or self.script,
            started_by=self.started_by or (caller.started_by if caller.whole else None),
            acts_for=self.client or caller.acts_for,
            noted_s=self.noted_s,
        )


def story_of(life: Life, noted: Callable[[int], Life | None], look: Callable[[int], Caller | None]) -> Story:
    """The story of a process with this life: `noted` has the lives of others, and `look` sees those that run still."""
    story, pid = Story(), life.parent
    for _ in range(2 * GENERATIONS_MAX):
        if pid is None or pid <= 1:
            break
        above = noted(pid)
        running = look(pid) if above is None or not above.began or above.runs else None
        if above is None or not above.began or (running is not None and _says_itself(running)):
            _goes_on_with(story, running)
            break
        if above.runs and _is_told(story, above):
            break
        pid = above.parent
    return story


def _says_itself(running: Caller) -> bool:
    """Whether what runs still can be asked: it is no script, or one that has all its arguments and knows who began it."""
    if running.exe is None:
        return False
    return running.whole and (running.script is not None or not is_between(running.exe))


def _is_told(story: Story, above: Life) -> bool:
    """Whether this program ends the story: it started the script. What only copied itself is a part of what it copied."""
    ran = above.ran or ""
    between = is_between(ran)
    if story.client is None and (not between or is_shell(ran)):
        story.client, story.noted_s = (above.process, None), above.began
    if between:
        return False
    if story.script is None and is_absolute_path(ran):
        story.script = ran
        return False
    name = os.path.basename(ran)
    story.started_by = name if is_name(name) else None
    return True


def _goes_on_with(story: Story, above: Caller | None) -> None:
    """What began before the notes, and runs still."""
    if above is None or above.exe is None or is_runtime(above.comm):
        return
    if is_shell(above.exe) or above.script is not None:
        if story.client is None:
            story.client = above.acts_for
        if story.script is None:
            story.script, story.started_by = above.script, above.started_by
            return
        story.started_by = above.script or above.started_by
        return
    story.started_by = above.comm
