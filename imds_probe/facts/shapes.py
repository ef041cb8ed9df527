"""The shapes of values that reports have, which their schema says and their reading checks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

# The schema of a whole report. It stands here for those who read reports and need nothing of what makes them.
REPORT_SCHEMA: Literal["imds-probe.report/v1"] = "imds-probe.report/v1"
HopLimit = Annotated[int, Meta(ge=1, le=64)]  # EC2 API: HttpPutResponseHopLimit
Count = Annotated[int, Meta(ge=0)]
Pid = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]  # RFC 3339, UTC
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]  # RFC 3339's full-date
