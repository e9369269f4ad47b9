"""Runs the cases of one group in one process of a contender, and collects what came of each."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from differential.contenders import BROKEN, FUNCTIONS, Contender
from differential.model import Case, Outcome
from differential.normalise import Normaliser
from differential.server import RuntimeApi, Turn

TIME_LIMIT = 30.0  # seconds a process may take for all its invocations
# Nothing of the developer's environment gets in. The execution environment is a managed one,
# so that the reference client writes non-ASCII text unescaped, as it does there.
BASE_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef",
}


def run_group(contender: Contender, cases: list[Case]) -> dict[str, Outcome]:
    """The outcome of every case, all of the same group."""
    with tempfile.TemporaryDirectory() as scratch:
        return _Run(contender, cases, Path(scratch)).outcomes()


class _Run:
    def __init__(self, contender: Contender, cases: list[Case], scratch: Path) -> None:
        self._contender = contender
        self._cases = cases
        self._outputs = {name: scratch / name for name in ("stdout", "stderr", "telemetry")}
        for path in self._outputs.values():
            path.touch()
        self._marks: dict[str, list[int]] = {name: [0] for name in self._outputs}
        steps = [step for case in cases for step in case.steps()]
        first = cases[0]
        self._api = RuntimeApi(
            steps, prefix=first.prefix, init_answer=first.init, on_turn=lambda _: self._mark()
        )

    def outcomes(self) -> dict[str, Outcome]:
        try:
            exit_code = self._execute()
        finally:
            self._api.close()
        self._mark()
        first = self._cases[0]
        folders = [str(FUNCTIONS), str(BROKEN), str(self._contender.folder)]
        normaliser = Normaliser(folders, self._api.address)
        if first.alone:
            whole = range(len(self._api.turns))
            return {first.name: self._outcome(normaliser, whole, exit_code)}
        found = {}
        for number, case in enumerate(self._cases, start=1):
            if number >= len(self._api.turns):
                raise AssertionError(
                    f"{self._contender.name} ended with {exit_code} before {case.name}:\n"
                    + self._outputs["stderr"].read_text(errors="replace")
                    + self._outputs["stdout"].read_text(errors="replace")
                )
            found[case.name] = self._outcome(normaliser, (number,), None)
        return found

    def _mark(self) -> None:
        """Note how much output there is now: the next invocation's output starts here."""
        for name, path in self._outputs.items():
            self._marks[name].append(path.stat().st_size)

    def _execute(self) -> int | None:
        first = self._cases[0]
        environ = {**BASE_ENVIRONMENT, **self._contender.environ}
        environ["AWS_LAMBDA_RUNTIME_API"] = self._api.address
        arguments = (first.handler,) if first.arguments is None else first.arguments
        telemetry = os.open(self._outputs["telemetry"], os.O_WRONLY | os.O_APPEND)
        if first.telemetry:
            environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(telemetry)
        for name, value in first.environ:
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
        with self._outputs["stdout"].open("ab") as out, self._outputs["stderr"].open("ab") as err:
            process = subprocess.Popen(
                self._contender.command(arguments),
                cwd=self._contender.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(telemetry,),
            )
        os.close(telemetry)
        return self._wait(process)

    def _wait(self, process: subprocess.Popen[bytes]) -> int | None:
        """The exit code; None if the process had to be ended because the script was over."""
        waited = 0.0
        while waited < TIME_LIMIT:
            if self._api.exhausted.wait(0.005):
                process.send_signal(signal.SIGKILL)
                process.wait()
                return None
            if process.poll() is not None:
                return process.returncode
            waited += 0.005
        process.kill()
        process.wait()
        raise AssertionError(f"{self._contender.name} did nothing for {TIME_LIMIT} s")

    def _outcome(
        self, normaliser: Normaliser, turns: Iterable[int], exit_code: int | None
    ) -> Outcome:
        turns = list(turns)
        requests = [r for t in turns for r in self._turn(t).requests]
        return Outcome(
            sent=tuple(normaliser.request(r) for r in requests),
            stdout=normaliser.output(self._slice("stdout", turns)),
            stderr=normaliser.output(self._slice("stderr", turns)),
            frames=tuple(
                (kind, normaliser.output(text))
                for kind, text in read_frames(self._bytes("telemetry", turns))
            ),
            exit_code=exit_code,
            init=any(r.path.endswith("/init/error") for r in requests),
        )

    def _turn(self, number: int) -> Turn:
        return self._api.turns[number]

    def _bytes(self, name: str, turns: list[int]) -> bytes:
        # marks[n] is the size when turn n was handed out; marks[-1] the size at the end.
        marks = self._marks[name]
        end = marks[turns[-1] + 1] if turns[-1] + 1 < len(marks) else marks[-1]
        return self._outputs[name].read_bytes()[marks[turns[0]] : end]

    def _slice(self, name: str, turns: list[int]) -> str:
        return self._bytes(name, turns).decode("utf-8", "backslashreplace")


def read_frames(data: bytes) -> list[tuple[str, str]]:
    """Telemetry frames as (type, text); the timestamp must be a time of this century."""
    found = []
    while data:
        kind, length = data[:4].hex(), int.from_bytes(data[4:8], "big")
        stamp = int.from_bytes(data[8:16], "big")
        assert 946_684_800_000_000 < stamp < 4_102_444_800_000_000, stamp
        found.append((kind, data[16 : 16 + length].decode()))
        data = data[16 + length :]
    return found
