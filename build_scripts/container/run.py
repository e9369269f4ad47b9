"""``--container``: the very same command, run inside the build image.

There is no second pipeline: inside runs `build-native build` with the options of outside, which
then finds that it is in a container and goes on as ever.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache, options, targets, terminals
from build_scripts.container import engine as engines
from build_scripts.container import images, mounts, registry
from native_bootstrap.errors import EngineError

if TYPE_CHECKING:
    from build_scripts.container.engine import Engine
    from build_scripts.container.registry import Registry
    from build_scripts.log import Log
    from build_scripts.options import Options

INSIDE = "NATIVE_BOOTSTRAP_CONTAINER"  # set in the build image
STOP_SECONDS = 15.0  # for the build inside to clean up
NOT_PASSED = {"container", "engine", "emulate", "project", "output", "origins", "handler"}
_SWITCHES = {"verbose", "debug", "explain_snapshot", "emulate"}  # have no --no- form
_PASSED = ("TERM", "COLORTERM", "NO_COLOR", "NATIVE_BOOTSTRAP_OFFLINE", "SOURCE_DATE_EPOCH")
_SOURCES = "NATIVE_BOOTSTRAP_SOURCES"
# What the clean room needs to make a user namespace of its own: no capability, but the system calls
# (the engines' filters forbid some) and a /proc of its own (which takes one with nothing covered).
_ROOM = {
    "podman": ("seccomp=unconfined", "unmask=ALL", "label=disable"),
    "docker": (
        *("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"),
        "label=disable",
    ),
}
_ROOM_OF_OTHERS = ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A container to be: ``environ`` has values that must not show in a list of processes."""

    image: str
    command: Sequence[str]
    mounts: Sequence[mounts.Mount]
    environ: Mapping[str, str]
    user: str = ""
    platform: str = ""
    security: Sequence[str] = ()
    interactive: bool = False


def is_inside() -> bool:
    """Whether this process already runs in a build image."""
    return bool(os.environ.get(INSIDE))


def build(chosen: Options, event: str | None, *, log: Log) -> int:
    """Run the build of ``chosen`` inside; the exit code is the one of inside.

    ``event``: the argument of --invoke. Raises EngineError and ContainerImageError for what is
    wrong before the container runs; what goes wrong inside is told there.
    """
    engine = engines.find(chosen.engine, log=log)
    known = registry.discover(os.environ, Path.home())
    image = images.ready(chosen, engine, known, log=log)
    with _folders(mounts.written(chosen)):
        return _run(engine, _inside(chosen, event, image, engine, known), log)


def _inside(
    chosen: Options, event: str | None, image: str, engine: Engine, known: Registry
) -> Inside:
    host = chosen.target if chosen.emulate else targets.host()
    file = Path(event) if event and event != "-" and _is_file(event) else None
    sources = Path(os.environ[_SOURCES]) if os.environ.get(_SOURCES) else None
    user, group = engines.caller()
    return Inside(
        image=image,
        command=["build-native", "build", *arguments(chosen), *_invoke(event, file)],
        mounts=mounts.collect(chosen, known, event=file, sources=sources, host=host),
        environ=_environ(known, sources, with_aws=event is not None),
        user="" if engine.is_rootless or user == 0 else f"{user}:{group}",
        platform=images.PLATFORMS[chosen.arch] if chosen.emulate else "",
        security=() if chosen.snapshot == "off" else _ROOM.get(engine.name, _ROOM_OF_OTHERS),
        interactive=event == "-",
    )


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # a long JSON text
        return False


def _invoke(event: str | None, file: Path | None) -> list[str]:
    if event is None:
        return []
    return [f"--invoke={file.resolve() if file else event}"]


def arguments(chosen: Options) -> list[str]:
    """The command line for ``chosen``: what pyproject.toml says is read again inside."""
    project, output = chosen.project.resolve(), chosen.output.resolve()
    found = [chosen.handler] if chosen.origins["handler"] == options.COMMAND_LINE else []
    found += [f"--project={project}", f"--output={output}"]
    for item in dataclasses.fields(chosen):
        name, value = item.name, getattr(chosen, item.name)
        given = chosen.origins.get(name) in (options.COMMAND_LINE, options.ENVIRONMENT)
        if name not in NOT_PASSED and given:
            found += _flags(name, value)
    return found


def _flags(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        if name in _SWITCHES:
            return [flag] if value else []
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, tuple):
        return [f"{flag}={item}" for item in value]
    if isinstance(value, Path):
        return [f"{flag}={value.resolve()}"]
    return [] if value is None else [f"{flag}={value}"]


def _environ(known: Registry, sources: Path | None, *, with_aws: bool) -> dict[str, str]:
    own = {name: os.environ[name] for name in _PASSED if name in os.environ}
    if with_aws:  # a trial invocation has the caller's credentials and region
        own |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    if sources is not None:
        own[_SOURCES] = str(sources.resolve())
    return {
        **known.variables,
        **own,
        "HOME": str(Path.home()),  # where pip and uv look for their settings
        "NATIVE_BOOTSTRAP_CACHE": str(cache.root().resolve()),
        "UV_CACHE_DIR": str(cache.root().resolve() / "uv"),
        terminals.VARIABLE: terminals.of_this_process(),
        "COLUMNS": str(terminals.console(stderr=True).width),
    }


@contextmanager
def _folders(wanted: Sequence[Path]) -> Iterator[None]:
    """They exist, because only what exists can be mounted; those that stay empty go again."""
    made: list[Path] = []
    for path in wanted:
        missing = [parent for parent in (path, *path.parents) if not parent.exists()]
        with cache.translate_os_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        made += missing
    try:
        yield
    finally:
        for path in sorted(made, reverse=True):
            with suppress(OSError):
                path.rmdir()


def _run(engine: Engine, inside: Inside, log: Log) -> int:
    name = f"native-bootstrap-{uuid.uuid4().hex[:12]}"
    create = ["create", "--rm", "--name", name, "--network=host", "--workdir=/"]
    create += [f"--security-opt={option}" for option in inside.security]
    create += [f"--user={inside.user}"] if inside.user else []
    create += [f"--platform={inside.platform}"] if inside.platform else []
    create += ["--interactive"] if inside.interactive else []
    create += [f"--env={key}" for key in inside.environ]
    create += [mount.argument for mount in inside.mounts]
    environ = {**os.environ, **inside.environ}
    # The client's own folders are those of this process, whatever the build is told.
    log.detail(f"+ {engine.name} {' '.join(create)} {inside.image} {' '.join(inside.command)}")
    try:
        made = subprocess.run(
            [engine.path, *create, inside.image, *inside.command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environ,
            check=False,
        )
        if made.returncode:
            raise engine.explain(made.stderr, "making the container")
        return _attach(engine, name, interactive=inside.interactive)
    finally:
        _remove(engine, name)


def _attach(engine: Engine, name: str, *, interactive: bool) -> int:
    """Start the container and pass its output on until it ends.

    The client is in a session of its own: Ctrl-C reaches this process alone, which then stops what
    is inside and waits for it.
    """
    attach = ("--attach", *(("--interactive",) if interactive else ()))
    command: list[str | Path] = [engine.path, "start", *attach, name]
    child = subprocess.Popen(
        command,
        stdin=None if interactive else subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        status = child.wait()
    except KeyboardInterrupt:
        if _stop(engine, name, child) == 128 + signal.SIGINT:
            return 128 + signal.SIGINT  # and the build inside has said so
        raise
    if status in (125, 126, 127):  # what docker run documents for its own failures
        raise EngineError(f"{engine.name} could not run the container (status {status})")
    return status


def _stop(engine: Engine, name: str, child: subprocess.Popen[bytes]) -> int | None:
    """The exit status of the build inside, None when it had to be killed."""
    with _undisturbed():
        engine.try_("kill", "--signal", "INT", name)
        try:
            return child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            engine.try_("kill", name)
            child.kill()
            child.wait()
            return None


def _remove(engine: Engine, name: str) -> None:
    """Gone already in the ordinary case, by --rm."""
    with _undisturbed():
        engine.try_("rm", "--force", name)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Cleaning up is not interrupted by a second Ctrl-C."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
