"""A fresh image is tried out in the clean room before anybody gets it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from build_scripts.snapshot import room
from native_bootstrap.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from build_scripts.log import Log

PROBE = "native_bootstrap.runtime.snapshot.probe"
WITHOUT = b"starting without the snapshot"
DIFFERS = """the function's answer to the event differs with and without the snapshot:
  with:    {}
  without: {}"""
FAILS = "the function answers the event of --event with an error: {}"
EVENT = b'{"name": "world"}'


def hot_pages(
    program: room.Room, ranges: Sequence[tuple[int, int]], event: bytes | None, *, log: Log
) -> tuple[int, ...]:
    """Pages in ``ranges`` (address, length) that a start and a first invocation write to.

    The invocation is of the function where there is an ``event`` for it, else of a handler of ours.
    Raises SnapshotError when the image cannot serve it.
    """
    if event is None:
        program = _with_handler(program, "echo")
    served = room.serve(program, [event if event is not None else EVENT], log=log, ranges=ranges)
    _check(served)
    return served.pages


def randomness(program: room.Room, *, log: Log) -> None:
    """Two processes of one image must not draw the same: SnapshotError names what they share."""
    program = _with_handler(program, "draw")
    drawn = []
    for _ in range(2):
        served = room.serve(program, [b"{}"], log=log)
        _check(served)
        (answer,) = served.answers
        if answer.kind != "response":
            text = answer.body.decode("utf-8", "replace")
            raise SnapshotError(f"what the image draws cannot be asked: {_short(text)}")
        drawn.append(json.loads(answer.body))
    equal = [name for name, value in drawn[0].items() if value == drawn[1].get(name)]
    if equal:
        raise SnapshotError(f"two starts of the image draw the same from {', '.join(equal)}")


def answers(program: room.Room, plain: Path, event: bytes, *, log: Log) -> None:
    """The function's answer to ``event`` is the same with the image and without: else a warning."""
    both = [
        room.serve(dataclasses.replace(program, program=path), [event], log=log)
        for path in (program.program, plain)
    ]
    with_image, without = ([(a.kind, _meaning(a.body)) for a in served.answers] for served in both)
    if with_image != without:
        log.warning(DIFFERS.format(_short(with_image), _short(without)))
    elif error := next((a.body for a in both[0].answers if a.kind != "response"), None):
        log.warning(FAILS.format(_short(error.decode("utf-8", "replace"))))


def _meaning(body: bytes) -> object:
    """JSON however it is written: with an image, another engine may have done it."""
    try:
        return json.loads(body, parse_constant=str)
    except ValueError:
        return body


def _with_handler(program: room.Room, name: str) -> room.Room:
    environ = {**program.environ, "_HANDLER": f"{PROBE}.{name}"}
    return dataclasses.replace(program, environ=environ)


def _check(served: room.Served) -> None:
    said = served.finished.stderr
    if WITHOUT in said or not served.complete or not served.answers:
        text = said.decode("utf-8", "replace").strip()[-2000:]
        raise SnapshotError(f"the image does not start: {text or 'no answer'}")


def _short(answer: object) -> str:
    text = str(answer)
    return text if len(text) < 300 else text[:300] + "…"
