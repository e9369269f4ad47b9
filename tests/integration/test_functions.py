"""Ordinary programs, compiled and as bytecode: what they see is what an interpreter shows them."""

from __future__ import annotations

import lambda_like
import pytest


@pytest.fixture(scope="module", params=["native", "bytecode"])
def task(request, built, tmp_path_factory):
    output = built("everyday", "app.handler", "--code", request.param)
    return lambda_like.unpack(output, tmp_path_factory.mktemp("everyday") / "task")


@pytest.fixture(params=["snapshot", "normally"])
def use(request, task):
    """``use("what")``: the answer to one event; ``use.log``: what was printed meanwhile."""

    def call(what: str, **environ: str):
        start = lambda_like.NORMALLY if request.param == "normally" else {}
        run = lambda_like.run(task, [{"use": what}], environ={**start, **environ})
        assert [reply.kind for reply in run.replies] == ["response"], (run.replies, run.stderr)
        assert run.normal == [] or "PYTHONPATH" in environ
        call.log = run.stdout + run.stderr
        return run.answers[0]

    return call


def test_classes_made_by_a_call_know_their_module(use):
    assert use("names") == {"modules": ["app"] * 3, "pickled": [True, True]}


def test_inspect_knows_compiled_objects(use):
    assert use("states") == ["GEN_CREATED", "CORO_CREATED", "GEN_SUSPENDED", "app", 2]


def test_a_package_is_imported_by_its_file_name(use):
    assert use("init") == ["shop", ["shop.__init__", "__init__.py"]]


def test_a_namespace_package_goes_on_outside_the_program(use, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "there.py").write_text("VALUE = 'of a layer'\n")
    answer = use("namespace", PYTHONPATH=str(tmp_path))
    assert answer == ["of the function", "of a layer", "_NamespacePath"]


def test_entry_points_are_looked_up_when_the_program_runs(use):
    assert use("plugins") == ["1.0", [["wrapped", "wrapped"]]]


def test_a_warning_shows_its_line(use):
    use("warning")
    assert "UserWarning: mind the gap\n" in use.log
    assert '  warnings.warn("mind the gap", stacklevel=1)  # this very line\n' in use.log


def test_async(use):
    assert use("async") == [[[0, "0"], [1, "1"], [2, "2"]], ["outer", 45], "outer"]


def test_logging_from_a_configuration(use):
    use("logging")
    assert "secret" not in use.log
    lines = use.log.splitlines()
    assert lines[0] == "shop use_logging 128 open"
    assert lines[1:3] == ["shop use_logging 132 closed", "Traceback (most recent call last):"]
    assert lines[4].strip() == '{}["lost"]'
    assert lines[-1] == "KeyError: 'lost'"


def test_processes_forked_and_spawned(use):
    assert use("processes") == {"fork": [4, 9], "spawn": [4, 9]}


def test_the_program_stands_in_for_python(use):
    """`sys.executable` is the bootstrap; what is started as Python never asks for events."""
    command, module, failing, unknown = use("python")
    assert command == [0, "['-c', 'a', '-b'] shop\n", ""]
    assert module == [0, "__main__ ['x']\n", ""]
    assert failing == [1, "", "why\n"]
    assert unknown == [1, "", "native-bootstrap: this option means nothing here: -i\n"]
