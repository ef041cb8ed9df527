"""The daemon: watches all the time, keeps what it saw, and assesses on a schedule."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imds_probe.config import Config
from imds_probe.errors import ProbeError
from imds_probe.escape import terminal
from imds_probe.inventory.containers.discovery import NAMING
from imds_probe.reading.looker import OF_A_DAEMON
from imds_probe.reading.reader import Reader
from imds_probe.service.first_refused import FirstRefused
from imds_probe.service.handover import Handed, run_directory, take_over
from imds_probe.service.notify import ServiceManager
from imds_probe.service.schedule import ScheduledRuns
from imds_probe.system.own_memory import read_by
from imds_probe.system.state_directory import Lock
from imds_probe.system.switch_off import FILE as SWITCH
from imds_probe.system.switch_off import is_switched_off
from imds_probe.watch.boots import BootWatch, nothing_was_connected, this_boot
from imds_probe.watch.call_meaning import is_ours, is_without_effect, may_be_ours
from imds_probe.watch.forgetting import Forgetting
from imds_probe.watch.history import History
from imds_probe.watch.history_file import HistoryError
from imds_probe.watch.history_format import FILE
from imds_probe.watch.names import ContainerNames, NamedCalls
from imds_probe.watch.recorder import Recorder
from imds_probe.watch.refusals import is_refused
from imds_probe.watch.seen_call import SeenCall
from imds_probe.watch.unconfirmed import Sender, counted, said_unconfirmed
from imds_probe.watch.watcher import Watcher
from imds_probe.watch.whose import claim

TURN_S = 10.0  # the longest wait of a turn of the loop, and so the time until it notices that it is switched off
WATCHING = "watching"
ANNOUNCED_MAX = 1000
REFUSED_WITHIN_S = 60.0  # of a refusal, there is an assessment


class Daemon:
    """One running daemon. `load` reads the configuration, again on SIGHUP; `say` gets each line of the log.

    Raises HeldError where another one runs already, ProbeError where the state directory cannot be used or nothing can be
    watched.
    """

    def __init__(
        self,
        directory: Path,
        load: Callable[[], Config],
        run_arguments: Sequence[str],
        say: Callable[[str], None],
        environ: Mapping[str, str],
        *,
        root: Path = Path("/"),
    ) -> None:
        self._root = root
        self._directory, self._load, self._say, self._environ = directory, load, say, environ
        self._run_arguments = run_arguments
        self._manager = ServiceManager(environ)
        self._stop, self._reload = threading.Event(), threading.Event()
        self._announced: set[tuple[str, str | None, str | None]] = set()
        self._refused = FirstRefused()
        self._runs: ScheduledRuns | None = None
        self._dropped = 0
        self._unwatched = ""
        self._senders: list[Sender] = []
        self._since = 0.0  # what was called before that, an early watch has seen; in seconds since the epoch

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        config = self._load()
        with ExitStack() as stack:
            stack.enter_context(Lock(self._directory))
            claim(self._directory, self._root, self._say)
            history = stack.enter_context(History(self._directory / FILE, say=self._say))
            wake = stack.enter_context(self._signals())
            # Forked here, where there is one thread: what strangers made is waited for by its processes, not by this one.
            reader = stack.enter_context(Reader(NAMING, self._directory, patience=OF_A_DAEMON))
            stack.enter_context(read_by(reader.looker))
            while not self._stop.is_set():
                config = (
                    self._rest(wake, config)
                    if is_switched_off(self._root)
                    else self._watch(history, wake, config, reader)
                )
            self._say("stopped")

    def _watch(self, history: History, wake: int, config: Config, reader: Reader) -> Config:
        """Watch and assess until the end, or until somebody switches it off. The configuration as it is then."""
        with ExitStack() as stack:
            names = ContainerNames(self._root, reader, reader.rest)
            watcher = stack.enter_context(
                Watcher(wake=wake, full_command_lines=config.full_command_lines, met=names.meet)
            )
            began, from_start = (time.time(), time.monotonic()), nothing_was_connected()
            self._dropped = 0
            if watcher.degraded:
                self._say(f"short-lived callers may stay unknown: {watcher.degraded}")
            self._unwatched = ""
            runs = ScheduledRuns(self._directory, self._run_arguments, self._say, self._environ)
            stack.callback(runs.stop)
            runs.schedule(config.interval_s, config.jitter_s)
            self._runs = runs
            self._say(f"watching; the history is {history.path}, the next assessment in {runs.due_in_s():.0f} s")
            self._manager.ready(WATCHING)
            handed = self._handed()
            if handed is not None:
                began, from_start = (handed.began, handed.steady_began), handed.from_start
            boot = BootWatch(self._directory, self._say, this_boot(), from_start=from_start)
            recorder = Recorder(history, self._say, boot=boot, began=began)
            if handed is not None:
                self._take(handed, watcher, names, recorder)
            forgetting = Forgetting(history, boot=boot)
            return self._loop(watcher, recorder, forgetting, runs, names, wake=wake, config=config)

    def _handed(self) -> Handed | None:
        """What a watch from early in the boot has seen before ours; None where there is none, or it did not say."""
        try:
            return take_over(run_directory(self._environ))
        except ProbeError as error:
            self._say(error.followed_by("what was called before now is not known"))
            return None

    def _take(self, handed: Handed, watcher: Watcher, names: ContainerNames, recorder: Recorder) -> None:
        """Keep it at once. What our own watch saw of the same time besides counts once."""
        named = NamedCalls(names)
        for seen, container in named.rest(handed.calls):
            self._took(seen, container, recorder)
        self._since = handed.ended
        for seen, container in named.rest(self._new(watcher.calls(0))):
            self._took(seen, container, recorder)
        watcher.senders()
        recorder.keep(handed.lost, handed.unconfirmed, now=True)
        self._say(f"took over {len(handed.calls)} calls that were seen from early in the boot on")

    def _new(self, calls: Iterable[SeenCall]) -> Iterator[SeenCall]:
        """Those that nobody has handed over already."""
        return (seen for seen in calls if seen.at >= self._since)

    def _rest(self, wake: int, config: Config) -> Config:
        """Nothing but to stay there, until the end or until it is switched on again. This time counts as not watched."""
        off = f"switched off: {self._root / SWITCH} exists"
        self._say(f"{off}; nothing is watched or assessed")
        self._manager.ready(off)
        while is_switched_off(self._root) and not self._stop.is_set():
            select.select((wake,), (), (), self._longest_s)
            _drain(wake)
            config = self._reloaded(config, off)
            self._manager.alive()
        if self._stop.is_set():
            self._manager.stopping()
        else:
            self._say("switched on again")
        return config

    @property
    def _longest_s(self) -> float:
        """The longest wait of a turn."""
        return min(TURN_S, self._manager.feed_every_s or TURN_S)

    def _loop(
        self,
        watcher: Watcher,
        recorder: Recorder,
        forgetting: Forgetting,
        runs: ScheduledRuns,
        names: ContainerNames,
        *,
        wake: int,
        config: Config,
    ) -> Config:
        named = NamedCalls(names)
        while not self._stop.is_set() and not is_switched_off(self._root):
            due_in_s = min(self._longest_s, recorder.due_in_s(), runs.due_in_s(), named.due_in_s)
            for seen, container in named.take(self._new(watcher.calls(due_in_s))):
                self._took(seen, container, recorder)
            _drain(wake)
            recorder.keep(self._dropped_since(watcher), self._unconfirmed_since(watcher, names))
            self._say_unwatched(watcher.unwatched)
            runs.tick()
            if self._reload.is_set():
                config = self._reloaded(config, WATCHING)
                runs.schedule(config.interval_s, config.jitter_s)
            with contextlib.suppress(HistoryError):  # the recorder says so where the disk is full
                forgetting.tidy(config.retention_s)
            self._manager.alive()
        if self._stop.is_set():
            self._manager.stopping()
        for seen, container in named.rest(self._new(watcher.rest())):
            self._took(seen, container, recorder)
        recorder.keep(self._dropped_since(watcher), self._unconfirmed_since(watcher, names), now=True)
        recorder.end()
        return config

    def _took(self, seen: SeenCall, container: str | None, recorder: Recorder) -> None:
        recorder.add(seen, container)
        unit, inside = (seen.caller.unit, seen.caller.container) if seen.caller else (None, None)
        who = (seen.program, unit, inside)
        self._hurry_where_refused(seen, who)
        if seen.version != "v1" or is_ours(seen) or may_be_ours(seen) or who in self._announced:
            return
        if len(self._announced) < ANNOUNCED_MAX:
            self._announced.add(who)
            where = (f", unit {unit}" if unit else "") + (f", container {container}" if container else "")
            self._say(terminal(f"called by IMDSv1: {seen.program}{where}: {seen.method} {seen.path}"))

    def _hurry_where_refused(self, seen: SeenCall, who: tuple[str, str | None, str | None]) -> None:
        """Who is refused for the first time may be broken by the switch: the next report does not wait for its hour. It waits for
        who asks again with a token.
        """
        nobodys = is_ours(seen) or may_be_ours(seen) or is_without_effect(seen)
        if not is_refused(seen) or nobodys or not self._refused.is_new(seen, who):
            return
        if self._runs is not None:
            self._runs.sooner(REFUSED_WITHIN_S)
            self._say(terminal(f"refused for want of a token: {seen.program}; assessing soon"))

    def _say_unwatched(self, why: str) -> None:
        """Once for each cause."""
        if why and why != self._unwatched:
            self._say(why)
        self._unwatched = why

    def _dropped_since(self, watcher: Watcher) -> int:
        since = watcher.dropped - self._dropped
        self._dropped = watcher.dropped
        return since

    def _unconfirmed_since(self, watcher: Watcher, names: ContainerNames) -> Mapping[str, int]:
        """By where they came from, each once the container there was looked up."""
        senders = [*self._senders, *watcher.senders()]
        self._senders = [sender for sender in senders if names.meet(sender.caller)]
        if self._senders and self._stop.is_set():
            names.wait()
            self._senders = []
        senders = [sender for sender in senders if sender not in self._senders]
        for sender in senders:
            who = ("", None, sender.place)
            if who not in self._announced and len(self._announced) < ANNOUNCED_MAX:
                self._announced.add(who)
                where = sender.described(names.name(sender.caller))
                self._say(terminal(said_unconfirmed(sender, where)))
        return counted(senders, names.name)

    def _reloaded(self, config: Config, status: str) -> Config:
        """The configuration, read again where that was asked for; `status` is what it is at afterwards."""
        if not self._reload.is_set():
            return config
        self._reload.clear()
        self._manager.reloading()
        try:
            config = self._load()
        except ProbeError as error:
            self._say(f"the old configuration stays in force: {error}")
        else:
            self._say("the configuration was read again")
        self._manager.ready(status)
        return config

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """What is to be done on signals; a descriptor that can be read once one came, so that no wait outlasts it."""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        handlers = {
            number: signal.signal(number, lambda *_, event=event: event.set())
            for number, event in (
                (signal.SIGTERM, self._stop),
                (signal.SIGINT, self._stop),
                (signal.SIGHUP, self._reload),
            )
        }
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(fd, 4096)
