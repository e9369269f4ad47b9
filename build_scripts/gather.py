"""All Python of a program: where it comes from, what of it is compiled, and its archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import native_bootstrap
from build_scripts import (
    archive,
    cache,
    codegen,
    contents,
    extensions,
    json_engine,
    process,
    project,
    report,
)
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from build_scripts.compiler import ModuleStore
    from build_scripts.contents import Contents
    from build_scripts.dependencies import Dependencies
    from build_scripts.log import Log
    from build_scripts.modules import SharedObject
    from build_scripts.options import Options
    from build_scripts.pack import Packs

RUNTIME_PACKAGE = Path(native_bootstrap.__file__).parent
# Compiled together with the user's modules: what of our runtime runs in every invocation.
RUNTIME_LOOP = (
    *("api", "context", "entry", "environment", "logs", "loop", "serializer"),
    *("snapshot.hooks", "snapshot.restore"),
)


@dataclass(frozen=True, kw_only=True)
class Modules:
    """All Python of the program: the project, its dependencies' bytecode, and who comes in.

    ``shared``: their shared objects; of two at one path the project's.
    """

    loaded: project.Project
    site: ModuleStore
    shared: tuple[SharedObject, ...]
    collected: Contents
    builtins: frozenset[str]
    engine: json_engine.JsonEngine


def gather(options: Options, packs: Packs, installed: Dependencies, *, log: Log) -> Modules:
    """Compile everything to bytecode and follow the imports from the handler."""
    python, python_key = packs.python, packs.python_key
    builtins = _builtin_names(python, log)
    loaded = project.load(
        options.project,
        options.handler,
        log=log,
        python=python,
        python_key=python_key,
        builtin_names=builtins,
        output=options.output,
        report=options.report,
        include=options.include,
        exclude=options.exclude,
        has_dependencies=bool(installed.modules),
        target=options.target,
    )
    project.check_handler(loaded, site=installed.site)
    runtime = contents.compile_runtime(
        RUNTIME_PACKAGE, python=python, python_key=python_key, log=log
    )
    stdlib = contents.compile_stdlib(
        packs.target.stdlib,  # with the target's own _sysconfigdata
        python=python,
        python_key=python_key,
        content=packs.target.base_key,
        log=log,
    )
    site = contents.compile_dependencies(installed, python=python, python_key=python_key, log=log)
    shared = extensions.merge(installed.shared_objects, loaded.shared_objects, options.exclude)
    collected = contents.collect(
        loaded,
        dependencies=site,
        runtime=runtime,
        stdlib=stdlib,
        builtin_names=builtins,
        shared=shared,
    )
    for warning in (*collected.warnings, *(missing.message for missing in collected.missing)):
        log.warning(warning)
    return Modules(
        loaded=loaded,
        site=site,
        shared=shared,
        collected=collected,
        builtins=builtins,
        engine=json_engine.choose(options, collected.extensions, log=log),
    )


def to_compile(
    modules: Modules, installed: Dependencies, options: Options
) -> list[codegen.CompiledModule]:
    """The user's reachable modules, the runtime loop, and the packages named with --compile."""
    own = {module.name: module for module in modules.loaded.modules}
    chosen = [own[name] for name in modules.collected.own]
    for name in options.compile:
        found = [m for m in installed.modules if m.name == name or m.name.startswith(f"{name}.")]
        if not found:
            raise UsageError(
                f"--compile {name}: no dependency has a module of that name",
                hint="give the name that you import, such as --compile jmespath",
            )
        chosen += found
    user = [
        codegen.CompiledModule(name=m.name, source=m.file, is_package=m.is_package) for m in chosen
    ]
    return [*(m for m in user if not codegen.must_stay_bytecode(m)), *_runtime_modules()]


def _runtime_modules() -> list[codegen.CompiledModule]:
    folder = RUNTIME_PACKAGE / "runtime"
    return [
        codegen.CompiledModule(
            name=f"native_bootstrap.runtime.{name}",
            source=folder.joinpath(*name.split(".")).with_suffix(".py"),
            is_package=False,
        )
        for name in RUNTIME_LOOP
    ]


def _builtin_names(python: Path, log: Log) -> frozenset[str]:
    """The modules built into the program. Both architectures have the same ones."""
    text = process.run(
        [python, "-I", "-S", "-c", "import sys; print(*sys.builtin_module_names)"], log=log
    )
    return frozenset(text.split()) | {codegen.UMBRELLA}


def write_archive(
    options: Options, modules: Modules, compiled: Sequence[codegen.CompiledModule]
) -> Path:
    rows = contents.entries(
        modules.collected,
        project=modules.loaded,
        compiled=[module.name for module in compiled],
        strip_source=options.strip_source,
        dependencies=modules.site,
        keep_sources=options.keep_sources,
    )
    info = {
        "handler": options.handler,
        "version": report.own_version(),
        "cpu": options.target.cpu,
        "json": modules.engine.setting,
    }
    return _write_archive(archive.encode(rows, info))


def _write_archive(blob: bytes) -> Path:
    folder = cache.root() / "archives" / cache.content_key(blob)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            (work / "modules.bin").write_bytes(blob)
    return folder / "modules.bin"
