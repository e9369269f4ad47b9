"""From a pass of the initialisation to the next: who is blamed, who deferred, when it is sound."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build_scripts.snapshot import events, findings, plan, story

OWN = frozenset({"app", "app.handler", "app.metrics", "app.config", "app.db"})
KNOWN = findings.Known(own=OWN, shared=frozenset({"json", "logging", "os", "urllib.request"}))
HANDLER = "app.handler.handle"


def lines(*rows: dict) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def begun(module: str, *importers: str) -> dict:
    return {"event": "import", "module": module, "chain": [*importers, module]}


def ended(module: str) -> dict:
    return {"event": "imported", "module": module}


def failed(module: str, *importers: str, error: str = "Deferred", needs: str | None = None) -> dict:
    chain = [*importers, module]
    return {"event": "failed", "module": module, "error": error, "needs": needs, "chain": chain}


def offence(module: str, *importers: str, kind: str = "thread", detail: str = "starts a thread"):
    file = f"/var/task/{module.replace('.', '/')}.py"
    chain = [*importers, module]
    return {"event": "offence", "kind": kind, "module": module, "detail": detail, "file": file,
            "line": 12, "chain": chain}  # fmt: skip


def read(name: str, module: str, *importers: str, **more: object) -> dict:
    file = f"/var/task/{module.replace('.', '/')}.py"
    return {"event": "environment", "name": name, "how": "read", "module": module, "file": file,
            "reader": module, "line": 3, "chain": [*importers, module], **more}  # fmt: skip


DONE = {"event": "done", "modules": [], "handler": "imported"}


def decide(*rows: dict, before: plan.Plan | None = None, known=KNOWN, end: str = "exit code 0"):
    report = events.parse(lines(*rows), ended=end)
    return plan.next_plan(before or plan.first_plan(HANDLER), report, known)


def reasons(decision: plan.Decision) -> dict[str, str]:
    return {name: why.text for name, why in decision.plan.deferred.items()}


def test_nothing_found_is_sound():
    decision = decide(begun("app"), ended("app"), begun("app.handler"), ended("app.handler"), DONE)
    assert decision.sound
    assert decision.plan.deferred == {}
    assert decision.guards == {}


def test_the_culprit_and_who_imports_it_are_deferred_and_the_rest_is_imported_in_their_place():
    decision = decide(
        begun("app"),
        ended("app"),
        begun("app.handler"),
        begun("boto3", "app.handler"),
        begun("botocore", "app.handler", "boto3"),
        ended("botocore"),
        ended("boto3"),
        begun("app.metrics", "app.handler"),
        begun("json", "app.handler", "app.metrics"),
        ended("json"),
        offence("app.metrics", "app.handler"),
        ended("app.metrics"),
        ended("app.handler"),
        DONE,
    )
    assert not decision.sound
    assert reasons(decision) == {
        "app.metrics": "starts a thread at import: app/metrics.py:12",
        "app.handler": "imports app.metrics",
    }
    lines_ = {why.line_text for why in decision.found.values()}
    assert "app.metrics  (starts a thread at import: app/metrics.py:12)" in lines_
    # In the order of the imports; botocore comes with boto3, as ever.
    assert decision.plan.preload == ("app", "boto3", "json")
    assert decision.plan.to_json()["deferred"] == ["app.handler", "app.metrics"]


def test_a_second_importer_is_found_in_the_next_pass():
    first = decide(begun("app.handler"), begun("app.metrics", "app.handler"),
                   offence("app.metrics", "app.handler"), ended("app.metrics"),
                   begun("app.db", "app.handler"), ended("app.db"), ended("app.handler"),
                   DONE)  # fmt: skip
    assert first.plan.preload == ("app.db",)
    second = decide(begun("app.db"), failed("app.metrics", "app.db", needs="app.metrics"),
                    failed("app.db", needs="app.metrics"), DONE, before=first.plan)  # fmt: skip
    assert reasons(second)["app.db"] == "imports app.metrics"
    assert second.plan.preload == ()
    assert decide(DONE, before=second.plan).sound


def test_a_deferred_package_takes_its_modules_along():
    decision = decide(begun("pkg"), offence("pkg"), ended("pkg"), begun("pkg.part"),
                      ended("pkg.part"), begun("other"), ended("other"), begun("app.handler"),
                      read("STAGE", "app.handler"), ended("app.handler"), DONE)  # fmt: skip
    assert decision.plan.defers("pkg.part.deep")
    assert decision.plan.preload == ("other",)


def test_a_standard_module_is_not_blamed_but_who_imports_it():
    decision = decide(begun("app.handler"), begun("antigravity", "app.handler"),
                      offence("antigravity", "app.handler", detail="starts a process"),
                      ended("antigravity"), ended("app.handler"), DONE,
                      known=findings.Known(own=OWN, shared={"antigravity"}))  # fmt: skip
    assert reasons(decision) == {
        "app.handler": "imports antigravity, which starts a process at import: "
        "/var/task/antigravity.py:12".replace("/var/task/", "")
    }
    assert "antigravity" not in decision.plan.preload


def test_without_a_culprit_the_runtime_alone_and_then_nothing():
    row = {"event": "offence", "kind": "descriptor", "module": None, "detail": "leaves a pipe open"}
    first = decide(row, DONE)
    assert first.plan.level == plan.RUNTIME
    assert "leaves a pipe open" in first.why_runtime
    second = decide(row, DONE, before=first.plan)
    assert "leaves a pipe open" in second.off
    assert not second.sound


def test_an_own_module_that_reads_an_undeclared_variable():
    decision = decide(begun("app.config"), read("STAGE", "app.config"), ended("app.config"), DONE)
    assert decision.plan.deferred["app.config"].line_text == (
        "app.config  (reads STAGE, which was not declared: app/config.py:3; "
        "declare it with --env STAGE=…)"
    )


def test_a_declared_variable_is_guarded_by_its_value():
    known = findings.Known(own=OWN, declared={"STAGE": "prod", "DEBUG": None})
    decision = decide(read("STAGE", "app.config"), read("DEBUG", "app.config"), DONE, known=known)
    assert decision.sound
    assert decision.guards == {"STAGE": "prod", "DEBUG": None}


def test_what_a_dependency_reads_must_be_absent():
    decision = decide(read("MY_LIB_MODE", "my_lib"), read("X", "app.db", reader="my_lib"), DONE)
    assert decision.sound
    assert decision.guards == {"MY_LIB_MODE": None, "X": None}


def test_a_read_through_a_settings_library_is_its_callers():
    decision = decide(read("STAGE", "app.config", reader="decouple"), DONE)
    assert "app.config" in decision.plan.deferred


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_WHATEVER"])
def test_what_differs_between_functions_is_in_no_image(name):
    decision = decide(read(name, "my_lib", "app.db"), DONE)
    assert set(decision.plan.deferred) == {"my_lib", "app.db"}
    assert decide(read(name, "my_lib", handled="botocore"), DONE).sound


def test_what_hardly_a_function_has_must_be_absent():
    names = ("AWS_LAMBDA_LOG_LEVEL", "NUITKA_PACKAGE_app")
    decision = decide(*(read(name, "app.db") for name in names), DONE)
    assert decision.sound
    assert decision.guards == dict.fromkeys(names)


def test_lambdas_own_constants_are_guarded():
    assert decide(read("PATH", "app.db"), DONE).guards["PATH"].startswith("/usr/local/bin")


def test_all_variables_at_once():
    decision = decide(read("*", "my_lib") | {"how": "iterate"}, DONE)
    assert reasons(decision)["my_lib"].startswith("reads every environment variable")


def looks_for(pattern: str, module: str) -> dict:
    return read(pattern, module) | {"how": "pattern"}


def test_all_variables_that_begin_alike():
    decision = decide(looks_for("TQDM_*", "tqdm.std"), DONE)
    assert (decision.sound, decision.guards) == (True, {"TQDM_*": None})
    known = findings.Known(own=OWN, declared={"TQDM_ASCII": "1", "TQDM": "no", "TQDM_X": None})
    decision = decide(looks_for("TQDM_*", "tqdm.std"), DONE, known=known)
    assert decision.guards == {"TQDM_*": None, "TQDM_ASCII": "1", "TQDM_X": None}


BEGINNINGS = ["", "A", "AWS_", "AWS_LAMBDA_FUNC", "LAMBDA", "_X_AM", "P"]


@pytest.mark.parametrize(
    ("any_case", "beginning"),
    [*(("", name) for name in BEGINNINGS), *(("~", name.lower()) for name in BEGINNINGS)],
)
def test_all_variables_that_begin_like_lambdas_own(any_case, beginning):
    decision = decide(looks_for(f"{any_case}{beginning}*", "my_lib"), DONE)
    words = f"reads every environment variable that begins with '{beginning}'"
    assert reasons(decision)["my_lib"].startswith(words)


def test_a_name_in_any_case():
    decision = decide(looks_for("~table", "my_lib"), DONE)
    assert (decision.sound, decision.guards) == (True, {"~table": None})
    assert "  checked at start: no other variable is table in any case" in story.explain([decision])
    known = findings.Known(own=OWN, declared={"Table": "1", "TABLES": "2", "MY_TABLE": "3"})
    decision = decide(looks_for("~table", "my_lib"), DONE, known=known)
    assert decision.guards == {"~table": None, "Table": "1"}
    decision = decide(looks_for("~table*", "my_lib"), DONE, known=known)
    assert decision.guards == {"~table*": None, "Table": "1", "TABLES": "2"}
    # Lambda's own: the name as it is spelled is read as well
    assert decide(looks_for("~aws_region", "my_lib"), DONE).sound


def test_a_pattern_that_is_none():
    decision = decide(looks_for("TABLE", "my_lib"), DONE)
    assert (decision.sound, decision.guards) == (True, {})


def test_all_that_was_not_declared_is_said_at_once():
    rows = [
        read(name, "app.config", reader="pydantic_settings.sources.providers.env")
        for name in ("TABLE", "STAGE", "AWS_EXECUTION_ENV", "TABLE", "DEBUG", "PATH")
    ]
    more = [read("OTHER", "app.db"), read("LIBRARYS", "app.config", reader="my_lib")]
    more += [read("SET", "app.config", writer="app.config")]
    known = findings.Known(own=OWN, declared={"STAGE": "prod"})
    found = reasons(decide(*rows, *more, DONE, known=known))
    assert found["app.config"] == (
        "reads TABLE and DEBUG, which were not declared: app/config.py:3; "
        "declare each with --env NAME=VALUE, or NAME! if it is not set"
    )
    assert "reads OTHER, which was not declared" in found["app.db"]


@pytest.mark.parametrize("name", ["*", "TQDM_*", "~table"])
def test_a_name_that_no_function_can_have(name):
    decision = decide(read(name, "my_lib"), DONE)
    assert (decision.sound, decision.guards) == (True, {})


def test_a_variable_that_another_module_has_set():
    rows = [read("MODE", "my_lib", writer="app.config", reader="my_lib")]
    assert decide(*rows, DONE).guards == {}
    decision = decide(*rows, offence("app.config"), DONE)
    assert reasons(decision)["my_lib"].startswith("reads MODE, which app.config sets")


def test_a_module_that_raises_is_left_to_lambda():
    error = "KeyError: 'X'"
    decision = decide(begun("app.handler"), begun("app.db", "app.handler"),
                      failed("app.db", "app.handler", error=error),
                      failed("app.handler", error=error), DONE)  # fmt: skip
    assert reasons(decision) == {
        "app.db": "raises KeyError: 'X' at build time",
        "app.handler": "imports app.db",
    }


def test_an_optional_import_that_fails_as_on_lambda():
    decision = decide(begun("urllib3"), begun("urllib3.contrib.pyopenssl", "urllib3"),
                      failed("urllib3.contrib.pyopenssl", "urllib3",
                             error="ModuleNotFoundError: No module named 'OpenSSL'"),
                      ended("urllib3"), DONE)  # fmt: skip
    assert decision.sound


def test_it_stays_optional_when_its_importer_fails_for_another_reason():
    first = plan.Plan(handler=HANDLER, deferred={"d": findings.Reason(module="d", what="x")})
    error = "ModuleNotFoundError: No module named 'OpenSSL'"
    decision = decide(begun("lib"), begun("lib.optional", "lib"),
                      failed("lib.optional", "lib", error=error), failed("d", "lib", needs="d"),
                      failed("lib", needs="d"), DONE, before=first)  # fmt: skip
    assert set(decision.found) == {"lib"}


def test_an_optional_import_that_somebody_further_out_catches():
    error = "ModuleNotFoundError: No module named 'pymysql'"
    decision = decide(begun("lib"), begun("lib.ext", "lib"),
                      begun("lib.ext.patch", "lib", "lib.ext"),
                      failed("lib.ext.patch", "lib", "lib.ext", error=error),
                      failed("lib.ext", "lib", error=error), ended("lib"), DONE)  # fmt: skip
    assert decision.sound


@pytest.mark.parametrize("lacks", [True, False])
def test_a_librarys_own_word_for_a_missing_module(lacks):
    error = "DidNotEnable: Celery not installed"
    decision = decide(begun("lib"), begun("lib.celery", "lib"),
                      {**failed("lib.celery", "lib", error=error), "lacks": lacks},
                      ended("lib"), DONE)  # fmt: skip
    assert decision.sound is lacks


def test_a_librarys_code_is_named_behind_the_module_that_called_it():
    decision = decide(begun("app.handler"), {**offence("app.handler"), "library": "lib.worker"},
                      DONE)  # fmt: skip
    text = "starts a thread at import, in lib.worker: app/handler.py:12"
    assert reasons(decision) == {"app.handler": text}


def test_a_missing_module_that_nobody_catches():
    error = "ModuleNotFoundError: No module named 'x'"
    decision = decide(begun("app.handler"), begun("lib", "app.handler"),
                      failed("lib", "app.handler", error=error),
                      failed("app.handler", error=error), DONE)  # fmt: skip
    assert reasons(decision)["lib"] == f"raises {error} at build time"


def test_a_process_that_dies_is_blamed_on_what_it_was_executing():
    decision = decide(begun("app.handler"), begun("app.db", "app.handler"), end="exit code 3")
    assert decision.plan.locate  # once more, for the line
    assert not decision.plan.to_json()["dump"]
    row = offence("app.db", "app.handler", kind="exit", detail="ends the process")
    again = decide(begun("app.handler"), begun("app.db", "app.handler"), row,
                   before=decision.plan, end="exit code 3")  # fmt: skip
    assert reasons(again) == {
        "app.db": "ends the process at import (exit code 3): app/db.py:12",
        "app.handler": "imports app.db",
    }
    assert not again.plan.locate


def test_a_module_that_never_ends_is_not_tried_again():
    decision = decide(begun("app.db"), end="no end after 60 s")
    assert not decision.plan.locate
    assert reasons(decision)["app.db"] == "does not end at import (no end after 60 s)"


def test_an_exit_that_was_caught_is_no_offence():
    assert decide(offence("app.db", kind="exit", detail="ends the process"), DONE).sound


def test_no_done_no_image():
    decision = decide(begun("app"), ended("app"), end="exit code 1")
    assert not decision.sound
    assert decision.plan.level == plan.RUNTIME


def test_no_progress_ends_in_the_runtime_alone():
    stubborn = plan.Plan(handler=HANDLER, deferred={"app.db": findings.Reason(
        module="app.db", what="x", line=1)})  # fmt: skip
    decision = decide(offence("app.db"), DONE, before=stubborn)
    assert decision.plan.level == plan.RUNTIME


def test_nothing_is_imported_ahead_of_what_may_patch_it():
    decision = decide(begun("app.handler"), begun("first", "app.handler"), ended("first"),
                      begun("gevent", "app.handler"),
                      begun("gevent.monkey", "app.handler", "gevent"), ended("gevent.monkey"),
                      ended("gevent"), begun("requests", "app.handler"), ended("requests"),
                      offence("app.handler"), ended("app.handler"), DONE)  # fmt: skip
    assert decision.plan.preload == ("first", "gevent")


# -- any program -------------------------------------------------------------------------------


class World:
    """A program with imports and offences, and what it would report."""

    def __init__(self, imports: list[list[int]], bad: set[int], swallow: set[int]) -> None:
        self.imports = imports
        self.bad = bad
        self.swallow = swallow

    @staticmethod
    def name(number: int) -> str:
        return f"m{number}"

    def run(self, asked: plan.Plan) -> bytes:
        rows: list[dict] = []
        done: set[int] = set()
        stack: list[str] = []
        needs: dict[str, str] = {}
        entered: list[str] = []

        def load(number: int) -> bool:
            name = self.name(number)
            if number in done:
                return True
            if asked.defers(name):
                needs.update((above, name) for above in stack if above not in needs)
                rows.append(failed(name, *stack, needs=name))
                return False
            stack.append(name)
            entered.append(name)
            done.add(number)
            rows.append(begun(name, *stack[:-1]))
            good = True
            for other in self.imports[number]:
                if not load(other) and number not in self.swallow:
                    good = False
                    break
            if number in self.bad and good:
                rows.append(offence(name, *stack[:-1]))
            stack.pop()
            if name in needs:
                done.discard(number)
                rows.append(failed(name, *stack, needs=needs.pop(name)))
                return False
            rows.append(ended(name))
            return True

        roots = [int(name[1:]) for name in asked.preload] if asked.preload else []
        for number in roots if asked.defers("m0") else [0]:
            load(number)
        self.entered = entered
        return lines(*rows, DONE)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_it_always_ends_and_only_good_modules_are_in_the_image(data):
    count = data.draw(st.integers(1, 9))
    numbers = st.integers(0, count - 1)
    imports = [data.draw(st.lists(numbers, max_size=4)) for _ in range(count)]
    world = World(imports, data.draw(st.sets(numbers)), data.draw(st.sets(numbers)))
    asked = plan.first_plan("m0.handle")
    known = findings.Known(own={World.name(n) for n in range(count)})
    history = []
    while True:
        decision = plan.next_plan(asked, events.parse(world.run(asked)), known)
        history.append(decision)
        assert len(history) <= plan.MAX_PASSES + 1
        if decision.sound or decision.off:
            break
        assert decision.plan.level == plan.FULL
        assert set(decision.plan.deferred) > set(asked.deferred)
        asked = decision.plan
    assert decision.sound
    inside = set(decision.report.modules)
    assert not inside & {World.name(n) for n in world.bad}
    assert not any(asked.defers(name) for name in world.entered)
    assert story.explain(history)[-1]


# -- hostile reports ---------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = ("module", "chain", "kind", "detail", "file", "line", "name", "how", "needs", "error",
        "written", "adapters", "handler", "reader", "writer", "handled")  # fmt: skip
KINDS = ("import", "imported", "failed", "offence", "environment", "done", "nonsense")
rows = st.fixed_dictionaries(
    {"event": st.sampled_from(KINDS) | anything},
    optional={key: st.sampled_from(["app", "read", ["app"], 3]) | anything for key in KEYS},
)


@given(st.lists(rows.map(lambda row: json.dumps(row).encode()) | st.binary(max_size=60)))
@settings(deadline=None)
def test_any_report_is_read_and_judged(parts):
    report = events.parse(b"\n".join(parts), ended="exit code 0")
    decision = plan.next_plan(plan.first_plan(HANDLER), report, KNOWN)
    for line in story.explain([decision]):
        assert line.isprintable()
        line.encode()
    if not any(b"done" in part for part in parts):
        assert not decision.sound


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"event": "import", "module": "' + b"x" * 300_000 + b'"}',
        b'{"event": "import", "module": 7}',
        b'{"event": "import", "module": ""}',
        b'{"event": "offence", "kind": "thread", "line": true}',
        b'{"event": "offence", "kind": "thread", "line": ' + b"9" * 5000 + b"}",
        b'{"event": "done", "written": {"A": 3}}',
        b'{"event": {"event": "done"}}',
        b"null",
        b"\xff\xfe",
    ],
)
def test_lines_that_are_left_out(line):
    report = events.parse(line + b"\n")
    assert report.ignored == 1
    assert report == events.Report(ignored=1)


def test_text_is_made_harmless():
    text = "a\x1b[2J\nb\ud800\u202e"
    report = events.parse(lines(offence("app.db", detail=text), DONE))
    assert report.offences[0].detail == r"a\x1b[2J\nb\ud800\u202e"


def test_nothing_counts_after_done():
    report = events.parse(lines(DONE, offence("app.db")))
    assert report.offences == ()
    assert report.ignored == 1


def test_too_many_lines_are_no_image(monkeypatch):
    monkeypatch.setattr(events, "MAX_LINES", 3)
    assert not events.parse(lines(DONE, DONE, DONE, DONE)).done


def test_the_keys_of_hash_tables_are_the_images():
    """Rust's, whoever imports it; told, and no reason to defer."""
    keys = "draws the keys of its hash tables"
    decision = decide(offence("app.db", "app.handler", kind="hash keys", detail=keys), DONE)
    assert decision.sound
    assert decision.notes == (f"app.db {keys} at import: app/db.py:12",)
    told = f"  kept as the build has it: {decision.notes[0]}"
    assert told in story.explain([decision])
