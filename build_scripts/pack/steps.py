"""The steps of a pack: each cached under a key of all that goes into it, run side by side.

A step that ends is published at once, so an interrupted build goes on with what is missing.
"""

from __future__ import annotations

import importlib
import shutil
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from build_scripts import cache, process
from build_scripts.pack import recipes
from build_scripts.pack.recipes import RESOURCES, Site
from build_scripts.scratch import private_folder
from build_scripts.toolchain import Toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.pack.recipes import Recipe
    from build_scripts.pack.sources import Source
    from build_scripts.targets import Target

# In the order in which they start: the longest chain first, OpenSSL beside it.
NAMES = (
    *("libc", "cpython", "openssl", "sqlite", "xz", "zlib", "bzip2", "libffi"),
    *("extensions", "program"),
)
# Two builds at once keep two processors busy through configure's single-threaded minutes; their
# makes run as many compilers each as there are processors.
AT_ONCE = 2


def _recipe(name: str) -> Recipe:
    return cast("Recipe", importlib.import_module(f"build_scripts.pack.recipes.{name}"))


def _text(module: object) -> bytes:
    return Path(str(module.__file__)).read_bytes()  # type: ignore[attr-defined]


# Read together with the import: a key must stand for the code that runs, also in a process that
# waits for another builder while somebody edits a recipe.
RECIPE_TEXTS = {name: _text(_recipe(name)) for name in NAMES}
BASE_TEXT = _text(recipes)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A recipe for one target, with the key of its result."""

    name: str
    recipe: Recipe
    target: Target
    key: str

    @property
    def entry(self) -> Path:
        return cache.root() / "steps" / f"{self.name}-{self.target.arch}-{self.key}"

    @property
    def log_file(self) -> Path:
        return cache.root() / "logs" / f"{self.entry.name}.log"


@dataclass
class Progress:
    """What the steps of one build took, in seconds; 0 for one that was there already."""

    seconds: dict[str, float] = field(default_factory=dict)


def plan(target: Target, sources: Mapping[str, Source]) -> dict[str, Step]:
    """All steps for ``target``. A key covers recipe, resources, sources, toolchain and needs."""
    toolchain = Toolchain(target)
    steps: dict[str, Step] = {}
    for name in _in_order():
        recipe = _recipe(name)
        parts: list[str | bytes | Path] = [
            *(name, "steps 2", toolchain.key, BASE_TEXT, RECIPE_TEXTS[name]),
            *(f"{source}={sources[source].sha256}" for source in recipe.SOURCES),
            *(steps[need].key for need in recipe.NEEDS),
        ]
        parts += getattr(recipe, "KEYED_BY", ())  # files that are neither recipe nor source
        if (RESOURCES / name).is_dir():
            parts.append(RESOURCES / name)
        steps[name] = Step(name=name, recipe=recipe, target=target, key=cache.content_key(*parts))
    return steps


def _in_order() -> list[str]:
    """NAMES so that every step comes after what it needs."""
    found: list[str] = []
    while len(found) < len(NAMES):
        ready = [n for n in NAMES if n not in found and set(_recipe(n).NEEDS) <= set(found)]
        found.append(ready[0])
    return found


def run(
    steps: Mapping[str, Step],
    *,
    sources: Mapping[str, Source],
    host_python: Path | None,
    log: Log,
) -> Progress:
    """Build what is missing of ``steps``, at most AT_ONCE at a time.

    The first failure ends it: running steps finish (and stay), no new ones start. An interrupt
    ends the running steps too.
    """
    progress = Progress()
    done = {name for name, step in steps.items() if cache.is_intact(step.entry)}
    progress.seconds = dict.fromkeys(sorted(done), 0.0)
    waiting = [name for name in NAMES if name not in done]
    running: dict[Future[float], str] = {}
    bench = _Bench(steps=steps, sources=sources, host_python=host_python, log=log)
    with (
        process.stoppable(),
        ThreadPoolExecutor(AT_ONCE) as pool,
        process.stopping_on_interrupt(),
    ):
        while waiting or running:
            for name in _startable(waiting, done, steps)[: AT_ONCE - len(running)]:
                waiting.remove(name)
                running[pool.submit(bench.build, steps[name])] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                progress.seconds[name] = future.result()
                done.add(name)
    return progress


def _startable(waiting: Sequence[str], done: set[str], steps: Mapping[str, Step]) -> list[str]:
    return [name for name in waiting if set(steps[name].recipe.NEEDS) <= done]


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """What every step of one build has in common."""

    steps: Mapping[str, Step]
    sources: Mapping[str, Source]
    host_python: Path | None
    log: Log
    console: threading.Lock = field(default_factory=threading.Lock)

    def build(self, step: Step) -> float:
        """Run one recipe in a scratch folder and publish its result; return the seconds."""
        start = time.monotonic()
        self._say(f"… {step.name} for {step.target.arch}")
        step.log_file.parent.mkdir(parents=True, exist_ok=True)
        step.log_file.unlink(missing_ok=True)
        scratch = cache.root() / "work"
        with cache.translate_os_errors(scratch):
            scratch.mkdir(parents=True, exist_ok=True)
            with (
                private_folder(f"{step.entry.name}-", scratch) as work,
                cache.publish(step.entry) as out,
            ):
                step.recipe.build(self._site(step, work, out))
        step.log_file.unlink(missing_ok=True)
        seconds = time.monotonic() - start
        self._say(f"✓ {step.name} for {step.target.arch}  {seconds:.1f} s")
        return seconds

    def _site(self, step: Step, work: Path, out: Path) -> Site:
        return Site(
            toolchain=Toolchain(step.target, work),
            sources=self.sources,
            needs={need: self.steps[need].entry for need in step.recipe.NEEDS},
            work=work,
            out=out,
            log=self.log,
            log_file=step.log_file,
            host_python=self.host_python,
        )

    def _say(self, message: str) -> None:
        # Two steps run at a time: a spinner (log.step) would belong to neither.
        with self.console:
            self.log.info(message)


def sweep(target: Target) -> None:
    """Remove what a killed build left behind. Only for the holder of the target's lock."""
    leftovers = [
        *(cache.root() / "work").glob(f"*-{target.arch}-*"),
        *(cache.root() / "steps").glob(f".*-{target.arch}-*"),
        *(cache.root() / "packs").glob(f".*-{target.arch}-*"),
    ]
    for path in leftovers:
        shutil.rmtree(path, ignore_errors=True)


def forget(steps: Mapping[str, Step]) -> None:
    """Drop the cached results (a damaged pack is made again from its sources)."""
    for step in steps.values():
        shutil.rmtree(step.entry, ignore_errors=True)
