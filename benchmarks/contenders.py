"""What runs against what in ``coldstart.py``, each as it would be on Lambda.

Each contender has a folder that becomes /var/task in a mount namespace of its own, Lambda's
variables and nothing else of this machine's. The timer is started inside the namespace, so making
it is not in any number.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uv

from build_scripts import package
from build_scripts.snapshot.variables import FIXED
from build_scripts.toolchain import zig

HERE = Path(__file__).parent
TASK = "/var/task"
AWSLAMBDARIC = "awslambdaric==4.2.2"
# As one deployment would set them; the Runtime API's address comes from the timer.
DEPLOYMENT = {
    "AWS_ACCESS_KEY_ID": "of-the-benchmark",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef",
    "AWS_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "of-the-benchmark",
    "AWS_SESSION_TOKEN": "of-the-benchmark",
}
# How the line begins that says why a start did not use the image.
WITHOUT = "native-bootstrap: starting without the snapshot: "
ENTER = (
    "mount -t tmpfs none /var && mkdir -p /var/task /var/tmp && chmod 1777 /var/tmp"
    ' && mount --bind "$0" /var/task && cd /var/task && exec env -i "$@"'
)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to run the function."""

    command: tuple[str, ...]
    task: Path  # what /var/task holds
    environ: Mapping[str, str] = field(default_factory=dict)
    falls_back: bool = False  # a start without the image is what is meant

    def run(self, timer: list[str | Path], environ: Mapping[str, str]) -> dict[str, float]:
        """One cold start and its warm invocations; a start that fell back is an error."""
        found = {**FIXED, **DEPLOYMENT, **environ, **self.environ}
        variables = [f"{name}={value}" for name, value in found.items()]
        done = subprocess.run(
            [*entering(), self.task, *variables, *timer, "--", *self.command],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{' '.join(self.command)}: {done.stderr.strip()}")
        if WITHOUT in done.stderr and not self.falls_back:
            raise SystemExit(f"the bootstrap did not use its snapshot: {done.stderr.strip()}")
        return {name: float(value) for name, value in json.loads(done.stdout).items()}


def entering() -> list[str]:
    """The command that makes /var/task; its arguments: the folder, variables, a command line."""
    options = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    return ["unshare", *options, "sh", "-c", ENTER]


def compile_c(name: str, folder: Path) -> Path:
    program = folder / name
    subprocess.run(
        [zig(), "cc", "-O2", "-target", f"{os.uname().machine}-linux-musl", "-static",
         HERE / f"{name}.c", "-o", program],
        check=True,
    )  # fmt: skip
    return program


def bootstraps(output: Path, folder: Path) -> dict[str, Contender]:
    """The build in ``output``: with its image, and the same program without it."""
    with zipfile.ZipFile(output / "function.zip") as file:
        file.extractall(folder)
    (folder / "bootstrap").chmod(0o755)
    command = (f"{TASK}/bootstrap",)
    off = {"NATIVE_BOOTSTRAP_SNAPSHOT": "off"}
    normal = Contender(command=command, task=folder, environ=off, falls_back=True)
    if json.loads((output / "report.json").read_text())["snapshot"].get("level", "off") == "off":
        return {"bootstrap": normal}
    return {"bootstrap": Contender(command=command, task=folder), "no snapshot": normal}


def echo(folder: Path) -> Contender:
    task = folder / "echo-task"
    task.mkdir()
    return Contender(command=(str(compile_c("echo", folder)),), task=task)


@dataclass(frozen=True, kw_only=True)
class Interpreted:
    """The same function for the managed runtime's client, on a stock CPython."""

    contender: Contender
    zip_size: int


def interpreted(stock: str, project: Path, handler: str, folder: Path) -> Interpreted:
    """``project`` with its requirements, as they would be in the zip, and awslambdaric.

    Bytecode is compiled ahead, which flatters it: most zips have none, and Lambda keeps none.
    """
    uv_bin = uv.find_uv_bin()
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv_bin, "venv", "--quiet", "--python", stock, folder / "venv"], check=True)
    install = [uv_bin, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--compile-bytecode", AWSLAMBDARIC], check=True)
    task = folder / "task"
    shutil.copytree(project, task, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    requirements = project / "requirements.txt"
    if requirements.is_file() and requirements.read_text().strip():
        subprocess.run([*install, "--target", task, "-r", requirements], check=True)
    size = zip_size(task)
    compile_all = [python, "-m", "compileall", "-q", "-j", "1", task, "-s", task, "-p", TASK]
    subprocess.run(compile_all, check=True)
    command = (str(python), "-m", "awslambdaric", handler)
    return Interpreted(contender=Contender(command=command, task=task), zip_size=size)


def zip_size(task: Path) -> int:
    """Bytes of the function as a zip without bytecode, compressed as hard as ours."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=package.LEVEL) as archive:
        for path in sorted(task.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(task))
    return len(file.getvalue())
