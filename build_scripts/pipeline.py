"""A build, from top to bottom."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import (
    aws_data,
    cache,
    codegen,
    contents,
    declared,
    dependencies,
    embed,
    gather,
    link,
    pack,
    package,
    project,
    report,
    requirements,
)
from build_scripts.scratch import private_folder
from build_scripts.snapshot import take
from build_scripts.toolchain import Toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.gather import Modules
    from build_scripts.log import Log
    from build_scripts.modules import DataFile
    from build_scripts.options import Options
    from build_scripts.pack import Packs

TOO_LARGE = (
    "{reason}: the runtime alone is initialised. To have all of it in the image leave files out "
    "with --exclude PATTERN"
)


@dataclass(frozen=True, kw_only=True)
class Build:
    """A finished build: its output folder and the report that was written there."""

    output: Path
    report: Mapping[str, object]


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
    packs = pack.ensure_both(options.target, log=log)
    with log.step("modules"):
        modules = gather.gather(options, packs, installed, log=log)
    toolchain = Toolchain(options.target)
    compiled = gather.to_compile(modules, installed, options) if options.code == "native" else []
    umbrella = _umbrella(compiled, packs, toolchain, log) if compiled else None
    with log.step("archive"):
        archived = gather.write_archive(options, modules, compiled)
    program = _link(options, packs.target, toolchain, umbrella, archived, modules, log)
    left = contents.uncompilable(installed, modules.site)
    theirs = aws_data.select(installed.data, options.aws_services)
    data = (*theirs, *left, *modules.loaded.data, *embed.stand_ins(modules.shared))
    sites = (installed.site, modules.engine.site)
    inputs = (packs.target.stdlib, *(site for site in sites if site))
    snapshot = _snapshot(options, program, modules, data, inputs, log)
    with log.step("package"):
        packed = package.cached(snapshot.program, snapshot.key, data, program.embedded)
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


def _umbrella(
    compiled: Sequence[codegen.CompiledModule], packs: Packs, toolchain: Toolchain, log: Log
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


def _link(
    options: Options,
    target: pack.Pack,
    toolchain: Toolchain,
    umbrella: codegen.Umbrella | None,
    archived: Path,
    modules: Modules,
    log: Log,
) -> link.Program:
    shared = link.Shared(
        objects=(*modules.shared, *modules.engine.shared),
        names=modules.collected.looked_up,
        every_name=options.symbols == "all" or modules.collected.uses_ctypes,
    )
    with log.step("link"):
        program = link.link_program(
            pack=target,
            toolchain=toolchain,
            umbrella=umbrella,
            archive=archived,
            shared=shared,
            log=log,
        )
    for warning in program.warnings:
        log.warning(warning)
    return program


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


def _snapshot(
    options: Options,
    program: link.Program,
    modules: Modules,
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
