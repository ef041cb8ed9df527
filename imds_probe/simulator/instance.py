"""The simulated instance itself: its state, tokens, documents and counts, without any socket. Thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.simulator.counts import Counter, Counts
from imds_probe.simulator.credentials import Credentials
from imds_probe.simulator.documents import Documents
from imds_probe.simulator.faults import INSTEAD_OF_SERVING, Fault, Schedule
from imds_probe.simulator.messages import Answer, MetadataRequest
from imds_probe.simulator.service import answer_to, refusal
from imds_probe.simulator.shaping import instead, shaped, status_shown
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.tokens import Clock, Tokens, redact
from imds_probe.timestamp import rfc3339

# Role credentials are renewed long before they expire; here their dates are.
DOCUMENTS_LIFE_S = 1800


@dataclass(frozen=True)
class LoggedRequest:
    """One request, for a log line. Untrusted text, but nothing in it has the shape of a token."""

    time: str  # RFC 3339 UTC
    caller: str
    method: str
    path: str
    imds_version: str  # "v1" or "v2"
    status: int  # 0: none was sent
    user_agent: str


@dataclass(frozen=True)
class Reply:
    """What to send and the fault, if any, to commit while sending it."""

    answer: Answer
    fault: Fault | None


@dataclass
class _Setting:
    """A state with everything derived from it; replaced as one, so that no request sees half a change."""

    state: InstanceState
    documents: Documents
    built_s: float
    schedule: Schedule


class SimulatedInstance:
    """Answers requests. `on_request` is called once for each, on the thread that answers."""

    def __init__(
        self, state: InstanceState, clock: Clock, on_request: Callable[[LoggedRequest], None] | None = None
    ) -> None:
        self.clock = clock
        self._credentials = Credentials()
        self._tokens = Tokens(clock)
        self._counter = Counter()
        self._on_request = on_request
        self._lock = threading.Lock()
        self._throttle_second = 0
        self._throttle_used = 0
        self._setting = self._build(state, Schedule(state.faults))

    @property
    def state(self) -> InstanceState:
        return self._setting.state

    def preview(self, changes: Mapping[str, Any]) -> InstanceState:
        """The state that `changes` would lead to; raises ProbeError naming an unknown field or a bad value."""
        return self.state.changed(changes)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Change the state for all requests from now on. Faults count from the start again where they are among it."""
        with self._lock:
            state = self._setting.state.changed(changes)
            schedule = Schedule(state.faults) if "faults" in changes else self._setting.schedule
            self._setting = self._build(state, schedule)

    def counts(self) -> Counts:
        return self._counter.snapshot()

    def reset_counts(self) -> None:
        self._counter.reset()

    def issued_secrets(self) -> frozenset[str]:
        """Every token handed out and every credential value that is or could be served."""
        return frozenset(self._tokens.issued()) | frozenset(self._credentials.secrets())

    def accept(self, caller: str) -> Fault | None:
        """Note a new connection; the fault it meets, if any."""
        self._counter.connection(caller)
        return self._setting.schedule.on_accept()

    def malformed(self) -> Answer:
        """The answer to something that is no request."""
        self._counter.malformed()
        return refusal(self.state, 400)

    def handle(self, request: MetadataRequest, caller: str) -> Reply:
        """Answer one request, count it and report it."""
        setting = self._current()
        fault = setting.schedule.on_request(token_put=request.token_put)
        if fault is not None and fault.kind in INSTEAD_OF_SERVING:
            reply = Reply(instead(fault, http_1_0=setting.state.http_version == "1.0"), None)
        else:
            if fault is not None and fault.kind == "clock-jump":
                self.clock.jump(fault.seconds)
                fault, setting = None, self._current()
            reply = Reply(self._serve(request, setting), fault)
        if fault is not None:
            reply = Reply(shaped(reply.answer, fault), reply.fault)
        status = status_shown(reply.answer, reply.fault)
        self._counter.request(caller, request, status)
        self._report(request, caller, status)
        return reply

    def _serve(self, request: MetadataRequest, setting: _Setting) -> Answer:
        limit = setting.state.throttle_requests_per_s
        if limit is not None and self._over(limit):
            # 503 is the documented way to say "retry"; no source has 429.
            return refusal(setting.state, 503)
        return answer_to(request, setting.state, setting.documents, self._tokens)

    def _over(self, limit_per_s: int) -> bool:
        with self._lock:
            second = int(self.clock.now_s())
            if second != self._throttle_second:
                self._throttle_second, self._throttle_used = second, 0
            self._throttle_used += 1
            return self._throttle_used > limit_per_s

    def _current(self) -> _Setting:
        setting = self._setting
        if self.clock.unix_s() - setting.built_s < DOCUMENTS_LIFE_S:
            return setting
        with self._lock:
            self._setting = self._build(self._setting.state, self._setting.schedule)
            return self._setting

    def _build(self, state: InstanceState, schedule: Schedule) -> _Setting:
        now_s = self.clock.unix_s()
        return _Setting(state, Documents(state, self._credentials, now_s), now_s, schedule)

    def _report(self, request: MetadataRequest, caller: str, status: int) -> None:
        if self._on_request is None:
            return
        agent = redact(request.headers.get("user-agent", ""))
        path = redact(request.path)
        self._on_request(
            LoggedRequest(rfc3339(time.time()), caller, request.method, path, request.imds_version, status, agent)
        )
