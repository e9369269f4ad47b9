"""A build, from top to bottom."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import native_bootstrap
from build_scripts import (
    archive,
    aws_data,
    cache,
    codegen,
    contents,
    declared,
    deflate,
    dependencies,
    embed,
    extensions,
    json_engine,
    link,
    pack,
    package,
    process,
    project,
    report,
    requirements,
    targets,
)
from build_scripts.scratch import private_folder
from build_scripts.snapshot import take
from build_scripts.toolchain import Toolchain
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.compiler import ModuleStore
    from build_scripts.contents import Contents
    from build_scripts.log import Log
    from build_scripts.modules import DataFile, SharedObject
    from build_scripts.options import Options

RUNTIME_PACKAGE = Path(native_bootstrap.__file__).parent
# Compiled together with the user's modules: what of our runtime runs in every invocation.
RUNTIME_LOOP = (
    *("api", "context", "entry", "environment", "logs", "loop", "serializer"),
    *("snapshot.hooks", "snapshot.restore"),
)
TOO_LARGE = (
    "{reason}: the runtime alone is initialised. To have all of it in the image leave files out "
    "with --exclude PATTERN"
)


@dataclass(frozen=True, kw_only=True)
class Build:
    """A finished build: its output folder and the report that was written there."""

    output: Path
    report: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class _Packs:
    """The pack that is linked, and the one whose Python runs here (often the same)."""

    target: pack.Pack
    host: pack.Pack

    @property
    def python(self) -> Path:
        return self.host.python

    @property
    def python_key(self) -> str:
        return self.host.base_key


@dataclass(frozen=True, kw_only=True)
class _Modules:
    """All Python of the program: the project, its dependencies' bytecode, and who comes in.

    ``shared``: their shared objects; of two at one path the project's.
    """

    loaded: project.Project
    site: ModuleStore
    shared: tuple[SharedObject, ...]
    collected: Contents
    builtins: frozenset[str]
    engine: json_engine.JsonEngine


def build(options: Options, *, log: Log) -> Build:
    """Run every stage for ``options`` and publish the result in ``options.output``."""
    start = time.monotonic()
    _check_early(options, log)
    with log.step("dependencies"):
        installed = dependencies.install(
            options.project,
            options.target,
            log=log,
            chosen=options.requirements,
            refresh=options.refresh,
        )
    packs = _ensure_packs(options, log)
    with log.step("modules"):
        modules = _gather(options, packs, installed, log)
    toolchain = Toolchain(options.target)
    compiled = _to_compile(modules, installed, options) if options.code == "native" else []
    umbrella = _umbrella(compiled, packs, toolchain, log) if compiled else None
    with log.step("archive"):
        archived = _archive(options, modules, compiled)
    with log.step("link"):
        program = link.link_program(
            pack=packs.target,
            toolchain=toolchain,
            umbrella=umbrella,
            archive=archived,
            shared=link.Shared(
                objects=(*modules.shared, *modules.engine.shared),
                names=modules.collected.looked_up,
                every_name=options.symbols == "all" or modules.collected.uses_ctypes,
            ),
            log=log,
        )
    for warning in program.warnings:
        log.warning(warning)
    left = contents.uncompilable(installed, modules.site)
    theirs = aws_data.select(installed.data, options.aws_services)
    data = (*theirs, *left, *modules.loaded.data, *embed.stand_ins(modules.shared))
    sites = (installed.site, modules.engine.site)
    inputs = (packs.target.stdlib, *(site for site in sites if site))
    snapshot = _snapshot(options, program, modules, data, inputs, log)
    with log.step("package"):
        packed = _write_zip(snapshot, data, program.embedded)
        for warning in packed.warnings:
            log.warning(warning)
        _publish(options.output, program, snapshot, packed)
    facts = report.collect(
        options=options,
        pack=packs.target,
        installed=installed,
        contents=modules.collected,
        compiled=[module.name for module in compiled],
        shared=modules.shared,
        engine=modules.engine,
        program=program,
        snapshot=snapshot,
        package=packed,
        times=log.times,
        seconds=time.monotonic() - start,
    )
    report.write(facts, options.report or options.output / "report.json")
    for kind in ("archives", "deflated", "programs", "snapshots", "symbols", "zips"):
        cache.prune(kind)
    return Build(output=options.output, report=facts)


def _check_early(options: Options, log: Log) -> None:
    """Mistakes of the user are told before a pack is built, which may take minutes."""
    _ = options.target  # an unknown architecture
    declared.parse(options.env, options.env_file)
    asked = requirements.find(options.project, options.requirements)
    project.load(
        options.project,
        options.handler,
        log=log,
        output=options.output,
        report=options.report,
        include=options.include,
        exclude=options.exclude,
        has_dependencies=asked is not None,
        target=options.target,
    )
    _check_output(options.output)
    if options.report is not None:
        _check_output(options.report.parent)


def _ensure_packs(options: Options, log: Log) -> _Packs:
    target, host = options.target, targets.host()
    found = pack.ensure(target, log=log)
    return _Packs(target=found, host=found if target == host else pack.ensure(host, log=log))


def _gather(
    options: Options, packs: _Packs, installed: dependencies.Dependencies, log: Log
) -> _Modules:
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
    return _Modules(
        loaded=loaded,
        site=site,
        shared=shared,
        collected=collected,
        builtins=builtins,
        engine=json_engine.choose(options, collected.extensions, log=log),
    )


def _umbrella(
    compiled: Sequence[codegen.CompiledModule], packs: _Packs, toolchain: Toolchain, log: Log
) -> codegen.Umbrella:
    with log.step("codegen", detail=f"{len(compiled)} modules"):
        # The key with the binary in it: Nuitka writes a frozenset of types in the order of the
        # addresses that they have in the program it runs on.
        code = codegen.generate(compiled, python=packs.python, python_key=packs.host.key, log=log)
    with log.step("compile"):
        return codegen.compile_umbrella(
            code,
            compiled,
            toolchain=toolchain,
            include=packs.target.include,
            include_key=packs.target.base_key,
            log=log,
        )


def _archive(
    options: Options, modules: _Modules, compiled: Sequence[codegen.CompiledModule]
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


def _check_output(output: Path) -> None:
    """An output folder that cannot be written is told before minutes of work, not after.

    Nothing is created yet: a build that fails leaves no empty folder.
    """
    nearest = next(path for path in (output, *output.absolute().parents) if path.exists())
    with cache.translate_os_errors(output):
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(nearest))
        with tempfile.TemporaryFile(dir=nearest):
            pass


def _to_compile(
    modules: _Modules, installed: dependencies.Dependencies, options: Options
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


def _builtin_names(python: Path, log: Log) -> frozenset[str]:
    """The modules built into the program. Both architectures have the same ones."""
    text = process.run(
        [python, "-I", "-S", "-c", "import sys; print(*sys.builtin_module_names)"], log=log
    )
    return frozenset(text.split()) | {codegen.UMBRELLA}


def _write_archive(blob: bytes) -> Path:
    folder = cache.root() / "archives" / cache.content_key(blob)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            (work / "modules.bin").write_bytes(blob)
    return folder / "modules.bin"


def _snapshot(
    options: Options,
    program: link.Program,
    modules: _Modules,
    data: Sequence[DataFile],
    inputs: tuple[Path, ...],
    log: Log,
) -> take.Snapshot:
    """The program, initialised as far as it can be; as it is with --snapshot off."""
    if options.snapshot == "off":
        return take.without(program)
    variables = declared.parse(options.env, options.env_file)
    for name in declared.secrets(variables):
        log.warning(declared.STORED_WARNING.format(name=name))
    stores = modules.collected.stores
    own = [name for name, store in stores.items() if store is modules.loaded.store]
    own += [name for name, item in modules.collected.extensions.items() if not item.package]
    request = take.Request(
        handler=options.handler,
        target=options.target,
        level=options.snapshot,
        declared=variables,
        own=own,
        shared=(
            *modules.builtins,
            *(name for name in stores if stores[name] not in (modules.loaded.store, modules.site)),
        ),
        salt=options.salt,
        event=options.event.read_bytes() if options.event else None,
        folders=(options.project,),
        sources=(
            *(module.file for module in modules.loaded.modules),
            *(item.file for item in modules.loaded.data),
        ),
        inputs=inputs,
    )
    with log.step("snapshot"):
        found = take.take(program, request, data, log=log)
        if (options.snapshot, found.level) != ("auto", "full"):
            return found
        too_large = package.excess(found.program, data)
        if not too_large or package.excess(program.stripped, data):
            return found  # or too large without an image, too: an error when it is packed
        # The start of a function that can be deployed is worth more than that of one that cannot.
        reason = f"with its image {too_large}"
        log.warning(TOO_LARGE.format(reason=reason))
        smaller = take.take(program, dataclasses.replace(request, level="runtime"), data, log=log)
        return dataclasses.replace(smaller, reason=reason)


def _write_zip(
    program: take.Snapshot, data: Sequence[DataFile], embedded: Mapping[str, int] | None = None
) -> package.Package:
    """The zip, from the cache when program and data are the same: deflating takes a second."""
    parts = [part for item in data for part in (item.path, str(package.mode(item.file)), item.file)]
    code = (Path(package.__file__), Path(deflate.__file__))
    key = cache.content_key(program.key, *code, *parts)
    folder = cache.root() / "zips" / key
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            packed = package.write(program.program, data, work / "function.zip", embedded=embedded)
            (work / "package.json").write_text(json.dumps(dataclasses.asdict(packed), default=str))
    found = json.loads((folder / "package.json").read_text())
    found |= {"path": folder / "function.zip", "warnings": tuple(found["warnings"])}
    return package.Package(**found)


def _publish(
    output: Path, program: link.Program, snapshot: take.Snapshot, packed: package.Package
) -> None:
    """Copy the results to the output folder. They take their names together, when all are there."""
    results = {
        "bootstrap.debug": program.debug,
        "bootstrap": snapshot.program,
        "function.zip": packed.path,
    }
    with cache.translate_os_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        # A folder of this build's own: another may write to the same output at the same time.
        with private_folder(".partial-", output) as private:
            for name, source in results.items():
                partial = private / name
                shutil.copyfile(source, partial)
                partial.chmod(0o644 if name == "function.zip" else 0o755)
            for name in results:
                (private / name).replace(output / name)


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
