"""The steps of a pack: keys, order, resuming, failing."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time

import pytest

from build_scripts import cache, targets
from build_scripts.log import quiet
from build_scripts.pack import assemble, recipes, sources, steps
from build_scripts.pack.recipes import extensions, libffi
from native_bootstrap.errors import ToolError

X86, ARM = targets.find("x86_64"), targets.find("arm64")


def keys(target=X86, table=None):
    return {name: step.key for name, step in steps.plan(target, table or sources.load()).items()}


def test_every_step_comes_after_what_it_needs():
    seen: set[str] = set()
    for name, step in steps.plan(X86, sources.load()).items():
        assert set(step.recipe.NEEDS) <= seen
        seen.add(name)
    assert seen == set(steps.NAMES)


def test_every_source_is_used():
    used = {
        name for step in steps.plan(X86, sources.load()).values() for name in step.recipe.SOURCES
    }
    assert used == set(sources.load())


def test_keys_are_stable_and_differ_by_target():
    assert keys() == keys()
    assert not set(keys().values()) & set(keys(ARM).values())


def test_another_source_changes_what_depends_on_it():
    table = sources.load()
    table["zlib"] = sources.Source(**{**vars(table["zlib"]), "sha256": "0" * 64})
    before, after = keys(), keys(table=table)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"zlib", "extensions", "program"}


def test_another_resource_changes_its_step(tmp_path, monkeypatch):
    (tmp_path / "xz").mkdir()
    (tmp_path / "xz" / "config.h").write_text("#define OTHER 1\n")
    (tmp_path / "libffi").symlink_to(recipes.RESOURCES / "libffi")
    before = keys()
    monkeypatch.setattr(steps, "RESOURCES", tmp_path)
    after = keys()
    assert {name for name in before if before[name] != after[name]} == {
        "xz",
        "extensions",
        "program",
    }


def test_another_core_changes_only_the_program(tmp_path, monkeypatch):
    (tmp_path / "nb_main.c").write_text("int main(void) { return 0; }\n")
    before = steps.plan(X86, sources.load())
    monkeypatch.setattr(before["program"].recipe, "KEYED_BY", (tmp_path,))
    after = steps.plan(X86, sources.load())
    assert {n for n in before if before[n].key != after[n].key} == {"program"}
    assert assemble.key_of(before) != assemble.key_of(after)
    without = ("program",)
    assert assemble.key_of(before, without=without) == assemble.key_of(after, without=without)


class Made:
    """A recipe that notes when it ran and leaves one file."""

    SOURCES = ()

    def __init__(self, journal, name, needs=(), fail=False):
        self.journal, self.name, self.NEEDS, self.fail = journal, name, needs, fail

    def build(self, site):
        self.journal.append(("start", self.name))
        for need in self.NEEDS:
            assert (site.needs[need] / "result").is_file()
        (site.work / "scratch").write_text("x")
        time.sleep(0.05)
        if self.fail:
            raise ToolError(f"{self.name} broke")
        (site.out / "result").write_text(self.name)
        self.journal.append(("end", self.name))


def graph(journal, monkeypatch, broken=()):
    needs = {"a": (), "b": (), "c": ("a",), "d": ("b", "c")}
    monkeypatch.setattr(steps, "NAMES", tuple(needs))
    return {
        name: steps.Step(
            name=name, recipe=Made(journal, name, of, name in broken), target=X86, key=f"key-{name}"
        )
        for name, of in needs.items()
    }


def run(planned):
    return steps.run(planned, sources={}, host_python=None, log=quiet())


def test_runs_side_by_side_in_order(monkeypatch):
    journal: list[tuple[str, str]] = []
    progress = run(graph(journal, monkeypatch))
    assert {name for what, name in journal[:2] if what == "start"} == {"a", "b"}, "two at once"
    assert journal.index(("start", "c")) > journal.index(("end", "a"))
    assert journal.index(("start", "d")) > journal.index(("end", "c"))
    assert all(seconds > 0 for seconds in progress.seconds.values())
    assert list((cache.root() / "work").iterdir()) == []
    assert list((cache.root() / "logs").iterdir()) == [], "logs of good steps are not kept"


def test_goes_on_where_it_stopped(monkeypatch):
    with pytest.raises(ToolError, match="d broke"):
        run(graph([], monkeypatch, broken=("d",)))
    journal: list[tuple[str, str]] = []
    progress = run(graph(journal, monkeypatch))
    assert journal == [("start", "d"), ("end", "d")]
    assert [progress.seconds[name] for name in "abc"] == [0.0] * 3


def test_a_failure_starts_nothing_new(monkeypatch):
    journal: list[tuple[str, str]] = []
    with pytest.raises(ToolError, match="a broke"):
        run(graph(journal, monkeypatch, broken=("a",)))
    assert ("start", "c") not in journal
    assert ("start", "d") not in journal
    assert list((cache.root() / "work").iterdir()) == []
    assert [p.name for p in (cache.root() / "steps").iterdir()] in ([], ["b-x86_64-key-b"])


@pytest.mark.subprocesses
def test_an_interrupt_ends_running_steps(monkeypatch):
    """Also a step that is between two commands, and also when only this process gets the signal."""
    commands = []

    class Slow(Made):
        def build(self, site):
            for _ in range(20):
                commands.append(site.name)
                site.run("sleep", "3", cwd=site.work)

    planned = {
        name: dataclasses.replace(step, recipe=Slow([], name), key=f"slow-{name}")
        for name, step in graph([], monkeypatch).items()
    }
    monkeypatch.setattr(steps.Site, "name", property(lambda site: site.out.name), raising=False)
    # A real signal, because only that ends the main thread's wait; background jobs ignore SIGINT.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(planned)
    signal.signal(signal.SIGINT, old)
    assert time.monotonic() - start < 3
    assert len(commands) == 2, "one command of each of the two steps"
    assert list((cache.root() / "work").iterdir()) == []
    assert list((cache.root() / "steps").iterdir()) == []
    run(graph([], monkeypatch))  # and the next build works


def test_a_damaged_step_is_made_again(monkeypatch):
    planned = graph([], monkeypatch)
    run(planned)
    (planned["c"].entry / "result").write_text("")
    journal: list[tuple[str, str]] = []
    run(graph(journal, monkeypatch))
    assert journal == [("start", "c"), ("end", "c")]


def test_leftovers_of_a_killed_build_are_swept():
    for name in ("work/zlib-x86_64-k-abc", "steps/.zlib-x86_64-k.tmp", "work/zlib-arm64-k-abc"):
        (cache.root() / name).mkdir(parents=True)
    steps.sweep(X86)
    assert [p.name for p in (cache.root() / "work").iterdir()] == ["zlib-arm64-k-abc"]
    assert list((cache.root() / "steps").iterdir()) == []


def test_one_builder_at_a_time():
    order = []

    def second():
        with cache.lock("pack-x86_64"):
            order.append("second")

    with cache.lock("pack-x86_64"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_module_table():
    table = (
        "/* -- ADDMODULE MARKER 1 -- */\nstruct _inittab _PyImport_Inittab[] = {\n"
        "/* -- ADDMODULE MARKER 2 -- */\n{0, 0}};\n"
    )
    text = extensions._with_modules(table)
    assert text.index("extern PyObject* PyInit__ssl(void);") < text.index("_PyImport_Inittab[]")
    assert text.index('{"_ssl", PyInit__ssl},') > text.index("_PyImport_Inittab[]")
    with pytest.raises(AssertionError, match="without"):
        extensions._with_modules("")


def test_every_target_is_known_to_the_recipes():
    assert set(libffi.MACHINES) == set(targets.TARGETS)
