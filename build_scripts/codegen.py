"""Python to C: Nuitka turns the user's modules and the runtime loop into one umbrella module.

Nuitka runs as a command, under the pack's own Python, because it folds constants with the
interpreter it runs on. It stops after the C code; compiling and linking is ours (``link.py``), so
that the same sources serve every target. One umbrella only: two of them in one program share
symbols and crash.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, process
from build_scripts.scratch import private_folder
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.toolchain import Toolchain

UMBRELLA = "_nb_umbrella"

# What Nuitka's own build would define for --mode=module --deployment; see its
# build/SconsCompilerSettings.py. Checked by the tests that run every compiled handler.
DEFINES = (
    "__NUITKA_NO_ASSERT__",
    "_NUITKA_CONSTANTS_FROM_CODE",
    "_NUITKA_MODULE_MODE",
    "_NUITKA_DEPLOYMENT_MODE",
    # Else compiled calls do not count against the recursion limit: SIGSEGV for RecursionError.
    "_NUITKA_FULL_COMPAT",
    # Nuitka's own calls of the allocators crash under PYTHONMALLOC=debug and PYTHONDEVMODE=1.
    "_NUITKA_EXPERIMENTAL_DISABLE_ALLOCATORS",
)
FLAGS = ("-O2", "-std=gnu11", "-fvisibility=hidden", "-fwrapv", "-w")
# build_definitions.h: facts about an executable, which a module does not have.
BUILD_DEFINITIONS = {
    "NO_PYTHON_WARNINGS": "0",
    "NUITKA_HAS_FROZEN_MODULES_BOOL": "0",
    "NUITKA_MAIN_IS_PACKAGE_BOOL": "0",
    "NUITKA_MAIN_MODULE_NAME": '"__main__"',
    **{
        f"SYSFLAG_{name}": "0"
        for name in (
            "BYTES_WARNING",
            "DONTWRITEBYTECODE",
            "ISOLATED",
            "NO_RANDOMIZATION",
            "NO_SITE",
            "OPTIMIZE",
            "SAFE_PATH",
            "UNBUFFERED",
            "UTF8",
            "VERBOSE",
        )
    },
    "_NUITKA_NO_ANNOTATIONS": "0",
    "_NUITKA_NO_ASSERTS": "0",
    "_NUITKA_NO_DOCSTRINGS": "0",
}
# Called by each compiled module as it starts; see native_bootstrap/core/nb_nuitka.c.
PATCH_LATER = "-DpatchInspectModule=nb_nuitka_patch_later"
BLOB = """/* constants {digest} */
__asm__(".section .rodata\\n.balign 16\\n.hidden constant_bin_data\\n.global constant_bin_data\\n"
        "constant_bin_data:\\n.incbin \\"{path}\\"\\n.byte 0\\n.previous\\n");
extern const unsigned char constant_bin_data[] __attribute__((visibility("hidden")));
const unsigned char *getconstant_binData(void);
const unsigned char *getconstant_binData(void) {{ return constant_bin_data; }}
"""


@dataclass(frozen=True, kw_only=True)
class CompiledModule:
    """A module that Nuitka compiles: its dotted ``name`` and the file it comes from."""

    name: str
    source: Path
    is_package: bool


@dataclass(frozen=True, kw_only=True)
class Umbrella:
    """Objects to link; ``key`` stands for their content."""

    objects: tuple[Path, ...]
    modules: tuple[str, ...]
    key: str


def generate(modules: Sequence[CompiledModule], *, python: Path, python_key: str, log: Log) -> Path:
    """Return a folder with the C code of ``modules`` (cached by their content).

    ``python`` is the pack's interpreter for this machine; ``python_key`` its identity.
    """
    parts: list[str | bytes | Path] = [version("nuitka"), python_key, Path(__file__)]
    for module in modules:
        parts += [module.name, str(module.is_package), module.source.read_bytes()]
    folder = cache.root() / "codegen" / cache.content_key(*parts)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work, private_folder() as scratch:
            _run_nuitka(modules, python=python, scratch=scratch, log=log)
            build = scratch / "out" / f"{UMBRELLA}.build"
            _compose_constants(build, python=python, scratch=scratch, log=log)
            for path in sorted(build.glob("*.[ch]")):
                shutil.copyfile(path, work / path.name)
            shutil.copyfile(build / "blobs" / "__constant.bin", work / "constants.bin")
            lines = [f"#define {k} {v}\n" for k, v in sorted(BUILD_DEFINITIONS.items())]
            (work / "build_definitions.h").write_text("".join(lines))
    return folder


def compile_umbrella(
    code: Path,
    modules: Sequence[CompiledModule],
    *,
    toolchain: Toolchain,
    include: Path,
    include_key: str,
    log: Log,
) -> Umbrella:
    """Compile the C in ``code`` for a target; unchanged files come from the object cache.

    ``include`` holds CPython's headers; ``include_key`` stands for their content: the same C
    against other structs is another object.
    """
    nuitka = nuitka_folder() / "build"
    includes = (
        include,
        include / "internal",
        include / "internal" / "mimalloc",
        nuitka / "inline_copy" / "zlib",
        code,
        nuitka / "include",
        nuitka / "static_src",
    )
    digest = hashlib.sha256((code / "constants.bin").read_bytes()).hexdigest()
    headers = cache.content_key(
        *(version("nuitka"), include_key, *DEFINES, *FLAGS),
        *[p.read_bytes() for p in sorted(code.glob("*.h"))],
    )
    sources = [p for p in sorted(code.glob("*.c")) if "__constants_data" not in p.name]
    sources.append(nuitka / "static_src" / "CompiledFunctionType.c")

    common = (*FLAGS, *(f"-D{name}" for name in DEFINES), *(f"-I{path}" for path in includes))
    late = () if _needs_patches_at_start(modules) else (PATCH_LATER,)

    def build(source: Path) -> Path:
        flags = (*common, *late) if source.name.startswith("module.") else common
        return compile_cached(source, headers, flags, toolchain=toolchain, log=log)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        objects = list(pool.map(build, sources))
    with private_folder() as scratch:
        blob = scratch / "constants_blob.c"
        blob.write_text(BLOB.format(digest=digest, path=code / "constants.bin"))
        objects.append(compile_cached(blob, digest, ("-O2",), toolchain=toolchain, log=log))
    return Umbrella(
        objects=tuple(objects),
        modules=tuple(module.name for module in modules),
        key=cache.content_key(*(path.read_bytes() for path in objects)),
    )


def must_stay_bytecode(module: CompiledModule) -> bool:
    """Whether Nuitka would answer at build time what only the running program can know.

    It looks up entry points where it runs itself, which is a place without packages.
    """
    return re.search(rb"\b(iter_)?entry_points\b", module.source.read_bytes()) is not None


def _needs_patches_at_start(modules: Sequence[CompiledModule]) -> bool:
    """Whether a module may use ``types.coroutine``, which Nuitka replaces, without ``inspect``."""
    pattern = re.compile(rb"types\.coroutine|from\s+types\s+import[^\n]*(coroutine|\*|\()")
    return any(pattern.search(module.source.read_bytes()) for module in modules)


def compile_cached(
    source: Path, context: str, flags: Sequence[str], *, toolchain: Toolchain, log: Log
) -> Path:
    """The object of one C file, from the cache when file, ``context`` and flags are the same.

    ``flags`` may name folders; what matters in them must be part of ``context``.
    """
    plain = [flag for flag in flags if not flag.startswith("-I")]
    key = cache.content_key(source.read_bytes(), context, toolchain.key, *plain)
    folder = cache.root() / "objects" / f"{source.stem}-{key}"
    if not cache.is_intact(folder):
        # Zig's own cache would keep a second copy of every object, and nobody checks that one.
        with cache.publish(folder) as work, private_folder() as scratch:
            env = toolchain.env(ZIG_LOCAL_CACHE_DIR=str(scratch))
            toolchain.compile(source, work / "object.o", flags=flags, log=log, env=env)
    return folder / "object.o"


def nuitka_folder() -> Path:
    """Where the nuitka package lies. It is found, never imported (its licence and its weight)."""
    spec = importlib.util.find_spec("nuitka")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nuitka is not installed beside native-bootstrap")
    return Path(spec.submodule_search_locations[0])


def _run_nuitka(
    modules: Sequence[CompiledModule], *, python: Path, scratch: Path, log: Log
) -> None:
    sources = scratch / "src"
    for module in modules:
        relative = Path(*module.name.split("."))
        target = sources / (relative / "__init__.py" if module.is_package else f"{relative}.py")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module.source, target)
    (sources / f"{UMBRELLA}.py").touch()
    _run_python(
        [
            *("-m", "nuitka", "--mode=module", "--deployment", "--generate-c-only"),
            *("--no-pyi-file", "--nofollow-imports"),
            "--include-module=" + ",".join(module.name for module in modules),
            f"--output-dir={scratch / 'out'}",
            f"{UMBRELLA}.py",
        ],
        python=python,
        cwd=sources,
        scratch=scratch,
        log=log,
        what="Nuitka",
    )


def _compose_constants(build: Path, *, python: Path, scratch: Path, log: Log) -> None:
    blobs = build / "blobs"
    blobs.mkdir(exist_ok=True)
    composer = _nuitka_site() / "nuitka" / "tools" / "data_composer"
    _run_python(
        ["-W", "ignore", composer, build, blobs / "__constant.bin", blobs / "__constant.txt"],
        python=python,
        cwd=scratch,
        scratch=scratch,
        log=log,
        what="Nuitka's data composer",
    )


def _run_python(
    arguments: Sequence[str | Path],
    *,
    python: Path,
    cwd: Path,
    scratch: Path,
    log: Log,
    what: str,
) -> None:
    """Run a part of Nuitka; once more without its kept bytecode if that turns out damaged."""
    command = [python, *arguments]
    env = _nuitka_environment(scratch)
    try:
        process.run(command, cwd=cwd, env=env, log=log, what=what)
    except ToolError as error:
        if "marshal" not in error.message:
            raise
        cache.remove(_pycache())
        process.run(command, cwd=cwd, env=env, log=log, what=what)


def _pycache() -> Path:
    """Nuitka's own bytecode for this interpreter: saves seconds per run."""
    return cache.root() / "pycache"


def _nuitka_site() -> Path:
    """A folder with one link, to the nuitka package: that Python sees nothing else.

    It is always the same folder, as the bytecode is kept under its name.
    """
    package = nuitka_folder()
    folder = cache.root() / "nuitka" / cache.content_key(str(package), version("nuitka"))
    if not (folder / "nuitka").is_dir():
        with cache.publish(folder) as work:
            (work / "nuitka").symlink_to(package)
    return folder


def _nuitka_environment(scratch: Path) -> Mapping[str, str]:
    """A fixed environment: nothing of the caller's may reach the generated code."""
    site = str(_nuitka_site())
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "NUITKA_PACKAGE_HOME": site,
        "NUITKA_UPDATE_CHECK": "never",
        "NUITKA_CACHE_DIR": str(scratch / "nuitka-cache"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": site,
        # Nuitka runs in the folder of the modules that it compiles and tries to import packages
        # (yaml, tqdm, ...) for itself: it must not find the user's, let alone run them.
        "PYTHONSAFEPATH": "1",
        "PYTHONPYCACHEPREFIX": str(_pycache()),
    }
