"""The suite's plain data: a case, and what came of it."""

from __future__ import annotations

import dataclasses
import json

from differential.server import ACCEPTS, REQUEST_ID, Answer, Step

DEADLINE = "4102444800000"  # in the year 2100: time left in every run
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
DELIVERS = Answer(status=200)
NEXT_HEADERS = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": REQUEST_ID.format(1),
    "Lambda-Runtime-Deadline-Ms": DEADLINE,
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
    "Lambda-Runtime-Trace-Id": TRACE,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to compare.

    Cases with the same handler, environment and log descriptor share a process, an invocation each;
    `alone` gives a case a process of its own, and then everything the process did counts.
    """

    name: str
    handler: str
    event: bytes = b"{}"
    headers: tuple[tuple[str, str | None], ...] = ()  # added to NEXT_HEADERS; None takes one away
    environ: tuple[tuple[str, str | None], ...] = ()
    next: Answer = DELIVERS  # how /next travels; its body and headers come from above
    post: Answer = ACCEPTS
    more: tuple[bytes, ...] = ()  # further events for the same process
    drop_next_at: int | None = None  # this invocation's /next finds its connection closed
    init: Answer = ACCEPTS
    prefix: str = ""
    arguments: tuple[str, ...] | None = None  # None: the handler; () leaves it to _HANDLER
    telemetry: bool = False
    alone: bool = False

    @property
    def group(self) -> tuple[object, ...]:
        """The key of the process the case runs in."""
        if self.alone:
            return (self.name,)
        return ("shared", self.handler, self.environ, self.telemetry)

    def steps(self) -> list[Step]:
        """The case's invocations."""
        steps = [Step(next=self._next(e), post=self.post) for e in (self.event, *self.more)]
        if self.drop_next_at is not None:
            dropped = steps[self.drop_next_at]
            again = dataclasses.replace(dropped.next, drop_first=True)
            steps[self.drop_next_at] = dataclasses.replace(dropped, next=again)
        return steps

    def _next(self, event: bytes) -> Answer:
        headers: dict[str, str] = dict(NEXT_HEADERS)
        for name, value in self.headers:
            if value is None:
                headers.pop(name, None)
            else:
                headers[name] = value
        if self.next.status != 200:
            return self.next
        return dataclasses.replace(self.next, body=event, headers=tuple(headers.items()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that reached the Runtime API, normalised."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def with_header(self, name: str, value: str) -> Sent:
        """The same request with one header more."""
        headers = {**dict(self.headers), name: value}
        return dataclasses.replace(self, headers=tuple(sorted(headers.items())))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a case did: requests, output, log frames, and (for a process of its own) its end."""

    sent: tuple[Sent, ...]
    stdout: str
    stderr: str
    frames: tuple[tuple[str, str], ...] = ()
    exit_code: int | None = None  # None: still asking for invocations when the script was over
    init: bool = False  # True if the process reported an init error


def event(value: object) -> bytes:
    """A JSON event."""
    return json.dumps(value).encode()
