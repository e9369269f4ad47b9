"""What a build leaves, says and takes."""

from __future__ import annotations

import hashlib
import json
import stat
import time
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support import FUNCTIONS, build_native

from native_bootstrap import invoke

NAMES = ["bootstrap", "bootstrap.debug", "function.zip", "report.json"]
HELLO = "def handler(event, context):\n    return {'hello': event['name']}\n"
# The type of everything in report.json; a list holds things of the one type that it shows.
SCHEMA = {
    "schema": int,
    "handler": str,
    "arch": str,
    "cpu": str,
    "code": str,
    "versions": {"native-bootstrap": str, "python": str, "nuitka": str, "ziglang": str},
    "pack": str,
    "json": str,
    "sizes": {"bootstrap": int, "zip": int, "unzipped": int, "shared_objects": int},
    "sha256": str,
    "snapshot": {
        "level": str,
        "reason": str,
        "modules": [str],
        "heap": int,
        "size": int,
        "deferred": [dict],
        "guards": dict,
        "declared": [str],
        "warnings": [str],
        "story": [str],
    },
    "compiled": [str],
    "modules": int,
    "extensions": int,
    "shared_objects": [{"path": str, "size": int, "package": str}],
    "imported_at_start": int,
    "packages": [
        {
            "name": str,
            "version": str,
            "wheel": str,
            "compiled": int,
            "without": [str],
            "why": str,
        }
    ],
    "warnings": [str],
    "seconds": float,
    "stages": dict,
    "host": {"machine": str, "python": str},
}


def assert_shape(value, shape):
    if isinstance(shape, type):
        assert isinstance(value, shape)
    elif isinstance(shape, list):
        for item in value:
            assert_shape(item, shape[0])
    else:
        assert list(value) == list(shape)
        for name, inner in shape.items():
            assert_shape(value[name], inner)


@pytest.fixture
def project(tmp_path):
    def make(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "project"
        for name, content in {"app.py": HELLO, **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return make


@pytest.fixture
def build(tmp_path):
    """``build(project, *options)``: the output folder of a build that must succeed.

    Without a snapshot, unless ``options`` ask for one.
    """

    def run(project: Path, *options: str | Path, handler: str = "app.handler", **environ: str):
        output = tmp_path / "out"
        given = () if "--output" in options else ("--output", output)
        given = given if "--snapshot" in options else (*given, "--snapshot", "off")
        result = build_native("build", handler, "--project", project, *given, *options, **environ)
        assert result.status == 0, result.err
        return output

    return run


def ask(output: Path, **event: object) -> object:
    answer = invoke.invoke(output, json.dumps(event).encode())
    assert answer.ok, answer.body
    return json.loads(answer.body)


def report(output: Path):
    return json.loads((output / "report.json").read_text())


def test_files_and_report(built):
    output = built("sample", "app.handler")
    assert sorted(path.name for path in output.iterdir()) == NAMES
    facts = report(output)
    assert_shape(facts, SCHEMA)
    assert (facts["handler"], facts["code"]) == ("app.handler", "native")
    assert facts["compiled"][0] == "app"
    assert (facts["snapshot"]["level"], facts["snapshot"]["modules"]) == ("full", ["app"])
    blob = (output / "function.zip").read_bytes()
    assert facts["sha256"] == hashlib.sha256(blob).hexdigest()
    assert facts["sizes"]["zip"] == len(blob)
    assert facts["sizes"]["bootstrap"] == (output / "bootstrap").stat().st_size
    assert (output / "bootstrap").stat().st_mode & 0o111 == 0o111


def test_symbols_are_beside_the_program(built):
    output = built("sample", "app.handler")
    with (output / "bootstrap").open("rb") as file:
        assert ELFFile(file).get_section_by_name(".symtab") is None
    with (output / "bootstrap.debug").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        names = {symbol.name for symbol in table.iter_symbols()}
    assert {"main", "nb_archive_find", "_PyEval_EvalFrameDefault", "malloc"} <= names


def test_zip_holds_program_and_data(project, build):
    data = {"pages/index.html": "<p>", "pages/ü.txt": b"\0\xff", "run.sh": "#!/bin/sh\n"}
    folder = project({**data, "lib.py": "X = 1\n", ".env": "SECRET=1", "README.md": "read me"})
    (folder / "run.sh").chmod(0o700)
    output = build(folder, "--code", "bytecode")
    with zipfile.ZipFile(output / "function.zip") as file:
        entries = {entry.filename: entry for entry in file.infolist()}
        assert file.read("pages/ü.txt") == b"\0\xff"
    assert list(entries) == [*sorted(data), "bootstrap"]
    assert {entry.date_time for entry in entries.values()} == {(1980, 1, 1, 0, 0, 0)}
    modes = {name: stat.S_IMODE(entry.external_attr >> 16) for name, entry in entries.items()}
    assert modes["bootstrap"] == modes["run.sh"] == 0o755
    assert modes["pages/index.html"] == 0o644


def test_include_and_exclude(project, build):
    folder = project({"data/a.csv": "1", "data/b.csv": "2", "docs/x.html": "", ".env": "A=1"})
    options = ("--include", ".env", "--exclude", "docs", "--exclude", "data/b.*")
    output = build(folder, "--code", "bytecode", *options)
    with zipfile.ZipFile(output / "function.zip") as file:
        assert file.namelist() == [".env", "data/a.csv", "bootstrap"]


def test_unchanged_rebuild_is_quick(built, tmp_path):
    first = built("sample", "app.handler")
    start = time.monotonic()
    arguments = ("--project", FUNCTIONS / "sample", "--output", tmp_path / "out")
    assert build_native("build", "app.handler", *arguments).status == 0
    assert time.monotonic() - start < 3  # 0.6 s on an idle machine
    for name in ("bootstrap", "bootstrap.debug", "function.zip"):
        assert (first / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_change_of_the_handler(project, build):
    folder = project({})
    assert ask(build(folder), name="you") == {"hello": "you"}
    stamp = time.time_ns()  # never built before, so that no cache has it
    (folder / "app.py").write_text(HELLO.replace("event['name']", f"[event['name'], {stamp}]"))
    start = time.monotonic()
    output = build(folder, "--snapshot", "full")
    assert time.monotonic() - start < 20  # 6 s on an idle machine
    assert ask(output, name="you") == {"hello": ["you", stamp]}


def test_an_image_that_would_make_it_too_large(project, build):
    """The function is worth more than its image."""
    text = "ROOM = bytearray(b'x') * 40_000_000\ndef handler(event, context): return len(ROOM)\n"
    folder = project({"app.py": text})
    with (folder / "model.bin").open("wb") as file:
        file.truncate(215_000_000)
    output = build(folder, "--snapshot", "auto", "--code", "bytecode")
    snapshot = report(output)["snapshot"]
    assert snapshot["level"] == "runtime"
    assert snapshot["reason"].startswith("with its image the function has 27")
    assert snapshot["size"] < 10_000_000
    assert ask(output) == 40_000_000
    result = build_native(
        *("build", "app.handler", "--project", folder, "--output", folder / "out"),
        *("--snapshot", "full", "--code", "bytecode"),
    )
    assert result.status == 42, result.err


def test_bytecode(built):
    output = built("sample", "app.handler", "--code", "bytecode")
    assert report(output)["compiled"] == []
    assert ask(output, do="echo", value=1)["echo"] == 1


@pytest.mark.parametrize("code", ["native", "bytecode"])
def test_source_lines(project, build, code):
    line = "raise KeyError('secret line')"
    folder = project({"app.py": f"def handler(event, context):\n    {line}\n"})
    frame = '  File "{}", line 2, in handler\n'
    for options, text in (((), f"    {line}\n"), (("--strip-source",), "")):
        output = build(folder, "--code", code, *options)
        answer = invoke.invoke(output, b"{}")
        trace = json.loads(answer.body)["stackTrace"]
        path = trace[0].split('"')[1]
        assert trace == [frame.format(path) + text]
        assert Path(path).name == "app.py"


def test_handler_in_a_package(project, build):
    files = {
        "pkg/__init__.py": "",
        "pkg/web/api.py": "from pkg import helper\n\n\ndef main(e, c):\n    return helper.NAME\n",
        "pkg/helper.py": "NAME = __name__\n",
        "pkg/lazy.py": "",
    }
    output = build(project(files), handler="pkg/web/api.main")
    assert ask(output) == "pkg.helper"
    compiled = report(output)["compiled"]
    assert {"pkg", "pkg.helper", "pkg.web.api"} <= set(compiled)
    assert "pkg.lazy" not in compiled


def test_dependency_compiled_on_request(project, build):
    text = "import six\n\n\ndef handler(e, c):\n    return [six.text_type(1), six.__file__]\n"
    folder = project({"app.py": text, "requirements.txt": "six==1.17.0\n"})
    output = build(folder, "--compile", "six")
    assert "six" in report(output)["compiled"]
    number, file = ask(output)
    assert number == "1"
    assert Path(file).name == "six.py"
    [package] = report(output)["packages"]
    assert (package["name"], package["version"], package["without"]) == ("six", "1.17.0", [])


def test_options_of_the_project(project, build, tmp_path):
    settings = (
        '[tool.native-bootstrap]\ncode = "bytecode"\noutput = "made/here"\n'
        'handler = "app.handler"\nreport = "made/facts.json"\n'
    )
    folder = project({"pyproject.toml": settings})
    result = build_native("build", "--project", folder)
    assert result.status == 0, result.err
    made = folder / "made"
    assert sorted(path.name for path in made.iterdir()) == ["facts.json", "here"]
    assert json.loads((made / "facts.json").read_text())["code"] == "bytecode"
    assert ask(made / "here", name=1) == {"hello": 1}


def test_results_of_a_build_are_no_input_of_the_next(project, build):
    folder = project({"data.txt": ""})
    places = ("here", "dist/there", ".")
    for place in (*places, *places):
        options = ("--report", folder / "facts.json", "--code", "bytecode")
        build(folder, "--output", folder / place, *options)
        with zipfile.ZipFile(folder / place / "function.zip") as file:
            assert file.namelist() == ["data.txt", "bootstrap"]


def test_config_shows_where_values_come_from(project):
    settings = '[tool.native-bootstrap]\ncode = "bytecode"\ncpu = "skylake"\nexclude = ["a", "b"]\n'
    arguments = ("config", "--project", project({"pyproject.toml": settings}), "--arch", "arm64")
    result = build_native(*arguments, BUILD_NATIVE_CPU="znver4", BUILD_NATIVE_STRIP_SOURCE="yes")
    assert result.status == 0, result.err
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.out.splitlines()]
    found = {row[0]: row[1:] for row in rows if len(row) == 3}
    assert found["arch"] == ["arm64", "command line"]
    assert found["cpu"] == ["znver4", "environment"]
    assert found["strip-source"] == ["True", "environment"]
    assert found["code"][0] == "bytecode"
    assert found["code"][1].endswith("[tool.native-bootstrap]")
    assert found["refresh"] == ["False", "default"]


def test_build_with_a_trial_invocation(project, tmp_path):
    arguments = ("build", "app.handler", "--project", project({}), "--output", tmp_path / "out")
    result = build_native(*arguments, "--invoke", '{"name": "wörld"}')
    assert result.status == 0, result.err
    assert result.out.splitlines()[-1] == '{"hello":"wörld"}'
    assert "init" in result.err


def test_pack_path_and_list(built):
    built("sample", "app.handler")
    start = time.monotonic()
    found = build_native("pack", "path")
    seconds = time.monotonic() - start
    assert found.status == 0
    assert found.err == ""
    pack = Path(found.out.strip())
    assert (pack / "pack.json").is_file()
    listed = build_native("pack", "list")
    assert any(line.startswith(pack.name) for line in listed.out.splitlines())
    assert seconds < 2  # 0.2 s on an idle machine, most of it the interpreter's own start


def test_help_names_every_command():
    result = build_native("--help")
    assert result.status == 0
    for name in ("build", "invoke", "pack", "config"):
        assert name in result.out


@pytest.mark.parametrize("code", ["bytecode", "native"])
def test_a_module_hides_the_folder_beside_it(tmp_path, code):
    (tmp_path / "app.py").write_text(
        "import helper\n"
        "try:\n"
        "    import helper.more\n"
        "except ModuleNotFoundError as error:\n"
        "    WHY = str(error)\n"
        "def handler(event, context):\n"
        "    return [helper.X, WHY]\n"
    )
    (tmp_path / "helper.py").write_text("X = 1\n")
    for path in ("helper/more.py", "app/more.py"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("")
    done = build_native("build", "app.handler", "--code", code, "--invoke", "{}", cwd=tmp_path)
    assert done.status == 0, done.err
    answer = json.loads(done.out.splitlines()[-1])
    assert answer == [1, "No module named 'helper.more'; 'helper' is not a package"]


@pytest.mark.parametrize("code", ["bytecode", "native"])
def test_folders_of_the_project_on_sys_path(built, code):
    """As plain files would do it, and without a warning that something is missing."""
    output = built("paths", "src/app.handler", "--code", code)
    assert json.loads((output / "report.json").read_text())["warnings"] == []
    for snapshot in ("", "off"):
        done = build_native("invoke", output, "--event", "{}", NATIVE_BOOTSTRAP_SNAPSHOT=snapshot)
        assert done.status == 0, done.err
        assert json.loads(done.out) == {
            "helper": ["beside", "helper", "/var/task/src/helper.py"],
            "vpkg": [
                *("vendored", "vpkg.sub", "/var/task/vendor/vpkg/sub.py"),
                ["/var/task/vendor/vpkg"],
            ],
            "twice": ["vendored", False],
            "late": ["shared", "/var/task/shared/late.py"],
            "plugins": [1, {"one": "/var/task/plugins/one.py"}],
            "http": "client.py",
            "top": ["plugins", "shared", "src", "top", "vendor"],
        }


def test_a_module_called_secrets(tmp_path):
    (tmp_path / "secrets.py").write_text("MINE = 1\n")
    (tmp_path / "app.py").write_text(
        "import secrets\ndef handler(event, context):\n    return secrets.MINE\n"
    )
    done = build_native("build", "app.handler", "--code=bytecode", "--invoke={}", cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == "1"


def test_a_program_in_the_project_may_be_executed(tmp_path):
    (tmp_path / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "app.py").write_text(
        "import subprocess\n"
        "def handler(event, context):\n"
        "    return subprocess.check_output(['/var/task/run.sh'], text=True)\n"
    )
    done = build_native("build", "app.handler", "--code=bytecode", "--invoke={}", cwd=tmp_path)
    assert done.out.splitlines()[-1] == '"ran\\n"', done.err
