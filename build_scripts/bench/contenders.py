"""Makes each contender ready to run: built, installed, compiled; or says why it cannot be."""

from __future__ import annotations

import dataclasses
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import native_bootstrap
from build_scripts import dependencies, options, pack, package, pipeline, requirements, targets
from build_scripts.bench import build_time, pythons
from build_scripts.bench.pythons import UnavailableError
from build_scripts.bench.timing import TASK, Program, compile_c
from build_scripts.log import quiet
from native_bootstrap.errors import FatalError

if TYPE_CHECKING:
    from build_scripts.bench.matrix import Contender, Workload
    from build_scripts.log import Log

SIDE_FOLDERS = shutil.ignore_patterns("__pycache__", "dist", ".git", ".venv", "node_modules")


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A contender that can start. ``facts``: sizes in bytes, versions, build time in seconds.

    ``package``: the zip that would be uploaded, None where it is the task's folder as it is.
    """

    program: Program
    package: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where contenders are made. ``stock``: a CPython 3.13 for awslambdaric, "": look for one."""

    scratch: Path
    log: Log
    stock: str = ""
    build_times: bool = True
    made: dict[str, Ready] = field(default_factory=dict)

    def prepare(self, contender: Contender, workload: Workload) -> Ready:
        """Raises UnavailableError."""
        key = repr((contender, dataclasses.replace(workload, name="", about="", event=b"")))
        if key in self.made:  # workloads that differ in their event only
            return self.made[key]
        folder = self.scratch / workload.name / contender.name
        folder.mkdir(parents=True)
        try:
            self.made[key] = _MAKERS[contender.kind](self, contender, workload, folder)
            return self.made[key]
        except UnavailableError:
            raise
        except FatalError as error:
            first = " ".join(str(error.message).split())
            raise UnavailableError(first[:400]) from error
        except subprocess.CalledProcessError as error:
            text = (error.stderr or b"").decode("utf-8", "replace").strip()
            raise UnavailableError(f"{Path(error.cmd[0]).name} failed: {text[-400:]}") from error

    def shared(self, name: str, make: Callable[[Path], None]) -> Path:
        """A folder that several workloads use, made once."""
        folder = self.scratch / "shared" / name
        if not folder.is_dir():
            folder.parent.mkdir(exist_ok=True)
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return folder

    def compiled(self, name: str) -> Path:
        """One of the C programs: timer, echo, stub."""

        def make(place: Path) -> None:
            place.mkdir()
            compile_c(name, place, self.log)

        return self.shared(name, make) / name


def environment(workload: Workload) -> dict[str, str]:
    """What the function's deployment sets."""
    from build_scripts import declared

    given = declared.parse([f"{n}={v}" for n, v in workload.environ.items()], workload.env_file)
    return {"_HANDLER": workload.handler, **{n: v for n, v in given.items() if v is not None}}


def _limit(shop: Workshop, contender: Contender, workload: Workload, folder: Path) -> Ready:
    echo = shop.compiled("echo")
    program = Program(command=(str(echo),), task=folder, environ=contender.environ)
    return Ready(program=program, facts={"bootstrap": echo.stat().st_size})


def _command(shop: Workshop, contender: Contender, workload: Workload, folder: Path) -> Ready:
    task = contender.task or folder
    if not task.is_dir():
        raise UnavailableError(f"no such folder: {task}")
    program = contender.command[0]
    if not (shutil.which(program) or (task / program).is_file()):
        raise UnavailableError(f"no such program: {program}")
    # In the task a path counts from there, also where it is relative: that is the working folder.
    inside = "/" in program and not program.startswith("/")
    command = (program if inside else str(shutil.which(program)), *contender.command[1:])
    return Ready(
        program=Program(command=command, task=task, environ=contender.environ),
        facts={"zip": zip_size(task)},
    )


def _build(shop: Workshop, contender: Contender, workload: Workload, folder: Path) -> Ready:
    """``build-native build`` with this contender's options, unpacked as Lambda does it."""
    asked = build_options(contender, workload, folder / "dist")
    built = pipeline.build(asked, log=quiet())
    facts: dict[str, Any] = dict(built.report)
    task = folder / "task"
    with zipfile.ZipFile(built.output / "function.zip") as file:
        file.extractall(task)
    (task / "bootstrap").chmod(0o755)
    has_snapshot = facts["snapshot"]["level"] != "off"
    if contender.snapshot != "off" and not has_snapshot:
        raise UnavailableError(f"no snapshot: {facts['snapshot']['reason']}")
    return Ready(
        program=Program(
            command=(f"{TASK}/bootstrap",),
            task=task,
            environ=contender.environ,
            needs_snapshot=has_snapshot,
        ),
        package=built.output / "function.zip",
        facts={
            "bootstrap": facts["sizes"]["bootstrap"],
            "zip": facts["sizes"]["zip"],
            "sha256": facts["sha256"],
            **({"build_seconds": build_time.measure(asked, folder)} if shop.build_times else {}),
        },
    )


def build_options(contender: Contender, workload: Workload, output: Path) -> options.Options:
    """Of everything else the project's own pyproject.toml decides."""
    event = output.parent / "event.json"
    event.write_bytes(workload.event)
    asked: dict[str, Any] = {
        "handler": workload.handler,
        "project": workload.project,
        "requirements": workload.requirements,
        "output": output,
        "code": contender.code,
        "snapshot": contender.snapshot,
        "event": None if workload.stub else event,  # the trial runs where no network is
        "env": tuple(f"{name}={value}" for name, value in workload.environ.items()) or None,
        "env_file": workload.env_file,
    }
    return dataclasses.replace(options.resolve(asked), report=None)


def _interpreted(shop: Workshop, contender: Contender, workload: Workload, folder: Path) -> Ready:
    """Our runtime loop from source on the pack's Python, with the packages that a build has."""
    ready = pack.ensure(targets.host(), log=shop.log)
    installed = dependencies.install(
        workload.project, targets.host(), log=quiet(), chosen=workload.requirements
    )
    task = _task(workload, folder)
    if installed.site:
        shutil.copytree(installed.site, task, dirs_exist_ok=True)

    def make(place: Path) -> None:
        source = Path(native_bootstrap.__file__).parent
        ours = place / "native_bootstrap"
        shutil.copytree(source / "runtime", ours / "runtime", ignore=SIDE_FOLDERS)
        shutil.copy(source / "__init__.py", ours)
        pythons.install(["urllib3", "--target", place], None)

    size = zip_size(task)
    return Ready(
        program=Program(
            command=(str(ready.python), "-m", "native_bootstrap.runtime", workload.handler),
            task=task,
            # The first start, which is not counted, compiles everything.
            environ={
                "PYTHONPATH": str(shop.shared("runtime", make)),
                "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
                **contender.environ,
            },
        ),
        facts={"zip": size, "version": f"CPython {ready.version}, static"},
    )


def _awslambdaric(shop: Workshop, contender: Contender, workload: Workload, folder: Path) -> Ready:
    """The function with its requirements as it would be in a zip, and AWS's client.

    Bytecode is compiled ahead, which flatters it: most zips have none, and Lambda keeps none.
    """
    stock = pythons.find_stock(shop.stock)

    def make(place: Path) -> None:
        pythons.uv(["venv", "--quiet", "--python", stock, place])
        pythons.install(["--compile-bytecode", pythons.AWSLAMBDARIC], place / "bin" / "python")

    python = shop.shared("awslambdaric", make) / "bin" / "python"
    task = _task(workload, folder)
    asked = requirements.find(workload.project, workload.requirements)
    if asked is not None:
        pythons.install(["--target", task, *asked.arguments], python)
    size = zip_size(task)
    pythons.run([python, "-m", "compileall", "-q", "-j", "1", "-s", task, "-p", TASK, task])
    found = pythons.run([python, "-c", "import sys; print(sys.version)"]).split(" (")[0]
    return Ready(
        program=Program(
            command=(str(python), "-m", "awslambdaric", workload.handler),
            task=task,
            environ=contender.environ,
        ),
        facts={"zip": size, "version": f"{pythons.AWSLAMBDARIC}, CPython {found}"},
    )


def _task(workload: Workload, folder: Path) -> Path:
    return Path(shutil.copytree(workload.project, folder / "task", ignore=SIDE_FOLDERS))


def zip_size(task: Path) -> int:
    """Bytes of the function as a zip without bytecode, compressed as hard as ours."""
    return len(_zip({str(p.relative_to(task)): p for p in task.rglob("*") if p.is_file()}))


def archive(ready: Ready) -> bytes:
    """The zip to upload. A program of the machine's own is called bootstrap in it."""
    if ready.package is not None:
        return ready.package.read_bytes()
    task = ready.program.task
    files = {str(p.relative_to(task)): p for p in task.rglob("*") if p.is_file()}
    return _zip(files or {"bootstrap": Path(ready.program.command[0])})


def _zip(files: Mapping[str, Path]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=package.LEVEL) as file:
        for name in sorted(files):
            if "__pycache__" not in name.split("/"):
                file.write(files[name], name)
    return out.getvalue()


_MAKERS: Mapping[str, Callable[[Workshop, Contender, Workload, Path], Ready]] = {
    "limit": _limit,
    "command": _command,
    "build": _build,
    "interpreted": _interpreted,
    "awslambdaric": _awslambdaric,
}
