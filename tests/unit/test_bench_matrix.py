"""matrix.toml and files like it."""

from __future__ import annotations

import argparse
import json

import pytest

from build_scripts.bench import command, matrix, measure
from build_scripts.bench.conditions import Condition, NotPermittedError, limited
from native_bootstrap import bench
from native_bootstrap.errors import ConfigError, FatalError, UsageError


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_options(parser, argparse.BooleanOptionalAction)
    return parser.parse_args(arguments)


def write(folder, text: str):
    file = folder / "more.toml"
    file.write_text(text)
    return file


def test_the_projects_own_matrix():
    found = matrix.load()
    assert list(found.contenders) == [
        *("awslambdaric", "interpreted", "bytecode", "native", "snapshot", "native+snapshot"),
        "limit",
    ]
    assert found.runs >= 30
    assert found.reference == "awslambdaric"
    for workload in found.workloads.values():
        assert (workload.project / "app.py").is_file(), workload.name
        assert (workload.project / "requirements.txt").is_file(), workload.name
        assert workload.stub is None or workload.stub.body.is_file()
        json.loads(workload.event)
        assert workload.about


def test_a_file_adds_to_it(tmp_path):
    (tmp_path / "go").mkdir()
    file = write(
        tmp_path,
        """
        [settings]
        runs = 7
        [contenders.go]
        kind = "command"
        command = ["./bootstrap"]
        task = "go"
        [workloads.mine]
        project = "."
        event = {a = 1}
        """,
    )
    found = matrix.load(file)
    assert found.runs == 7
    assert found.contenders["go"].task == tmp_path / "go"
    assert found.contenders["go"].command == ("./bootstrap",)
    assert found.workloads["mine"].event == b'{"a": 1}'
    assert "hello" in found.workloads


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[contenders.x]\nkind = 'rust'", "kind must be one of limit, awslambdaric"),
        ("[contenders.x]\nkind = 'command'", "has no command"),
        ("[contenders.x]\nkind = 'limit'\ncolour = 1", "unknown key 'colour'"),
        ("[workloads.x]\nhandler = 'a.b'", "has no project"),
        ("[workloads.x]\nproject = '.'\nevent = 'none.json'", "event of x: No such file"),
        ("[setting]\nruns = 1", "unknown table [setting]"),
        ("[settings]\nrun = 1", "unknown key 'run'"),
        ("runs = ", "not valid TOML"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, text, words):
    with pytest.raises(ConfigError) as error:
        matrix.load(write(tmp_path, text))
    assert words in error.value.message


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*nothing.toml: No such file"):
        matrix.load(tmp_path / "nothing.toml")


def test_choosing():
    found = command.choose(parse("--workload", "kernels", "--contender", "limit", "--runs", "3"))
    assert set(found.contenders) == {"limit"}
    assert {name.partition(".")[0] for name in found.workloads} == {"kernels"}
    assert len(found.workloads) >= 6
    assert found.runs == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workload", "hallo"], "no workload 'hallo'"),
        (["--contender", "rust"], "no contender 'rust'"),
        (["--reference", "rust"], "--reference rust"),
        (["--memory", "much"], "--memory much"),
        (["--runs", "0"], "--runs must be at least 1"),
        (["app.handler", "--workload", "hello"], "either a handler or --workload"),
    ],
)
def test_mistakes_on_the_command_line(arguments, words):
    with pytest.raises(UsageError) as error:
        command.choose(parse(*arguments))
    assert words in error.value.message


def test_your_own_handler(tmp_path):
    (tmp_path / "event.json").write_text('{"n": 1}')
    given = ["app.handler", "--project", str(tmp_path), "--env", "STAGE=prod"]
    found = command.choose(parse(*given, "--event", str(tmp_path / "event.json")))
    (own,) = found.workloads.values()
    assert (own.handler, own.event, own.environ) == ("app.handler", b'{"n": 1}', {"STAGE": "prod"})


def test_the_conditions_of_a_workload():
    found = command.choose(parse("--memory", "512,128"))
    names = [c.name for c in measure.conditions(found, found.workloads["hello"])]
    assert names == ["full", "cold cache", "128 MB", "512 MB"]
    kernel = found.workloads["kernels.nbody"]
    assert [c.name for c in measure.conditions(found, kernel)] == ["full"]
    bare = command.choose(parse("--memory", "none", "--no-cold-cache"))
    assert [c.name for c in measure.conditions(bare, found.workloads["hello"])] == ["full"]


def test_a_share_that_cannot_be():
    with pytest.raises(NotPermittedError, match="below the kernel's"), limited(0.00001):
        pass
    assert issubclass(NotPermittedError, FatalError)
    assert Condition(memory=128).name == "128 MB"
