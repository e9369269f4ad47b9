"""Requirements installed by uv from wheels made on the spot: no network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin
from wheels import make_wheel

from build_scripts import dependencies, installer, log, targets
from native_bootstrap.errors import NoUsableWheelError, ResolutionError

pytestmark = pytest.mark.subprocesses
TARGET = targets.find("x86_64")
GUARD = "try:\n    from ._fast import *\nexcept ImportError:\n    x = 1\n"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "wheels").mkdir(parents=True)

    def ask(*lines):
        text = "\n".join(["--no-index", "--find-links ./wheels", *lines, ""])
        (folder / "requirements.txt").write_text(text)
        return folder

    ask.folder = folder
    ask.wheels = folder / "wheels"
    return ask


def install(folder, **options):
    return dependencies.install(folder, TARGET, log=log.quiet(), **options)


def names(found):
    return [module.name for module in found.modules]


def test_no_requirements_no_uv(tmp_path, monkeypatch):
    monkeypatch.setattr(installer, "install", lambda *a, **k: pytest.fail("uv was called"))
    assert install(tmp_path) == dependencies.NONE


def test_pure_packages_with_data(project):
    files = {
        "pure/__init__.py": "",
        "pure/data/table.csv": "1,2",
        "pure/py.typed": "",
        "pure/x.pyi": "",
        "space/part/mod.py": "",
        "pure-1.0.dist-info/entry_points.txt": "[console_scripts]\npure = pure:main\n",
        "pure-1.0.dist-info/licenses/LICENSE": "MIT",
    }
    make_wheel(project.wheels, "pure", "1.0", files)
    found = install(project("pure"))
    assert names(found) == ["pure", "space.part.mod"]
    assert [data.path for data in found.data] == [
        "pure-1.0.dist-info/METADATA",
        "pure-1.0.dist-info/WHEEL",
        "pure-1.0.dist-info/entry_points.txt",
        "pure-1.0.dist-info/licenses/LICENSE",
        "pure/data/table.csv",
        "pure/py.typed",
    ]
    assert found.packages == (dependencies.Package(name="pure", version="1.0"),)


def test_an_unchanged_request_needs_no_uv(project, monkeypatch):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": "x = 1\n"})
    first = install(project("pure"))
    monkeypatch.setattr(installer, "install", lambda *a, **k: pytest.fail("uv was called"))
    assert install(project.folder) == first


def test_unpinned_versions_stay_until_refresh(project):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": "x = 1\n"})
    first = install(project("pure"))
    make_wheel(project.wheels, "pure", "1.1", {"pure.py": "x = 2\n"})
    assert install(project.folder) == first
    newer = install(project.folder, refresh=True)
    assert newer.packages[0].version == "1.1"
    assert newer.key != first.key
    assert install(project.folder) == newer


def test_a_damaged_entry_is_made_again(project):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": "x = 1\n"})
    first = install(project("pure"))
    (first.site / "pure.py").write_text("x = 'damaged'\n")
    again = install(project.folder)
    assert (again.site / "pure.py").read_text() == "x = 1\n"
    assert again.key == first.key


def test_the_result_does_not_depend_on_the_place(project, tmp_path, monkeypatch):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": "x = 1\n"})
    first = install(project("pure"))
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "elsewhere"))
    second = install(project.folder)
    assert second.site != first.site
    assert second.key == first.key
    for path in second.site.rglob("*"):
        assert not path.is_file() or str(tmp_path) not in path.read_text()


def test_a_guarded_extension_is_dropped(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.cpython-313-x86_64-linux-musl.so": "ELF"}
    make_wheel(project.wheels, "opt", "2.0", files)
    found = install(project("opt"))
    (package,) = found.packages
    assert package.fell_back == ("opt/_fast.cpython-313-x86_64-linux-musl.so",)
    assert names(found) == ["opt"]
    assert not [data for data in found.data if data.path.endswith(".so")]


def test_the_pure_wheel_of_the_same_version_is_preferred(project):
    make_wheel(project.wheels, "both", "1.0", {"both/__init__.py": "", "both/_c.so": "ELF"})
    make_wheel(project.wheels, "both", "1.0", {"both/__init__.py": "slow = True\n"})
    found = install(project("both"))
    (package,) = found.packages
    assert (package.reason, package.fell_back) == ("pure wheel", ("both/_c.so",))
    assert (found.site / "both/__init__.py").read_text() == "slow = True\n"


def test_a_needed_extension_names_who_wants_it(project):
    make_wheel(
        project.wheels,
        "core",
        "1.0",
        {"core/__init__.py": "from core._c import *\n", "core/_c.so": "ELF"},
    )
    make_wheel(project.wheels, "front", "1.0", {"front.py": "import core\n"}, requires=("core",))
    with pytest.raises(NoUsableWheelError, match=r"core 1\.0 \(required by front\) needs its comp"):
        install(project("front"))


def test_optional_parts_of_packages_without_musl_wheels(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": "ELF"}
    make_wheel(project.wheels, "opt", "1.0", files, tag="cp313-cp313-manylinux_2_28_x86_64")
    assert install(project("opt")).packages[0].fell_back == ("opt/_fast.so",)


def test_wheels_of_another_machine_do_not_count(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": "ELF"}
    make_wheel(project.wheels, "opt", "1.0", files, tag="cp313-cp313-musllinux_1_2_aarch64")
    with pytest.raises(NoUsableWheelError, match="opt"):
        install(project("opt"))


def test_contradictions(project):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": ""})
    with pytest.raises(ResolutionError, match="cannot be resolved"):
        install(project("pure==1.0", "pure==2.0"))


def test_a_wrong_hash(project):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": ""})
    with pytest.raises(ResolutionError, match=r"(?i)hash mismatch"):
        install(project("pure==1.0 --hash=sha256:" + "0" * 64))


def test_right_hashes_are_honoured_also_for_the_pure_wheel(project):
    import hashlib

    wheels = [
        make_wheel(project.wheels, "both", "1.0", {"both/__init__.py": "", "both/_c.so": "E"}),
        make_wheel(project.wheels, "both", "1.0", {"both/__init__.py": "slow = True\n"}),
    ]
    hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    lines = " \\\n".join(["both==1.0", *(f"    --hash=sha256:{digest}" for digest in hashes)])
    assert install(project("--require-hashes", lines)).packages[0].reason == "pure wheel"


def test_nested_files_and_constraints(project):
    for version in ("1.0", "2.0"):
        make_wheel(project.wheels, "pure", version, {"pure.py": ""})
    (project.folder / "more.txt").write_text("pure\n")
    (project.folder / "limits.txt").write_text("pure<2\n")
    found = install(project("-r more.txt", "-c limits.txt"))
    assert found.packages[0].version == "1.0"


BACKEND = """
import pathlib, sys, wheels

def build_wheel(target, settings=None, metadata=None):
    files = FILES
    return wheels.make_wheel(pathlib.Path(target), "local", "1.0", files, tag=TAG).name
"""


def source_package(folder, files, tag=""):
    """A source package with a build backend of its own: building it needs no network."""
    folder.mkdir(parents=True)
    text = BACKEND.replace("FILES", repr(files)).replace("TAG", repr(tag))
    (folder / "backend.py").write_text(text)
    shutil.copyfile(Path(__file__).parent / "wheels.py", folder / "wheels.py")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "local"\nversion = "1.0"\n'
    )


@pytest.mark.parametrize("line", ["./local", "-e ./local", "local @ {}"])
def test_local_sources_are_built(project, line):
    folder = project.folder / "local"
    source_package(folder, {"local.py": "x = 1\n"})
    found = install(project(line.format(folder.as_uri())))
    assert names(found) == ["local"]
    assert (found.site / "local.py").read_text() == "x = 1\n"
    assert not [path for path in found.site.rglob("*") if "editable" in path.name]
    for path in found.site.rglob("*.dist-info/*"):
        assert str(folder) not in path.read_text()


def test_sources_that_build_a_needed_extension(project):
    source_package(
        project.folder / "local",
        {"local/__init__.py": "from local._c import *\n", "local/_c.so": "ELF"},
        "cp313-cp313-manylinux_2_17_x86_64",
    )
    with pytest.raises(NoUsableWheelError, match="local"):
        install(project("./local"))


def test_a_lock_file_is_followed(project):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": ""})
    (project.folder / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["pure"]\n[tool.uv]\nno-index = true\nfind-links = ["wheels"]\n'
    )
    command = [find_uv_bin(), "lock", "--python", sys.executable]
    subprocess.run(command, cwd=project.folder, check=True, capture_output=True)
    make_wheel(project.wheels, "pure", "2.0", {"pure.py": ""})
    assert install(project.folder).packages[0].version == "1.0"
    (project.folder / "uv.lock").unlink()
    assert install(project.folder).packages[0].version == "2.0"


def test_console_scripts_and_caches_stay_out(project):
    files = {
        "pure.py": "def main(): pass\n",
        "pure-1.0.dist-info/entry_points.txt": "[console_scripts]\npure = pure:main\n",
        "pure.pth": "import os\n",
    }
    make_wheel(project.wheels, "pure", "1.0", files)
    site = install(project("pure")).site
    found = sorted(str(path.relative_to(site)) for path in site.rglob("*") if path.is_file())
    info = "pure-1.0.dist-info"
    assert found == [f"{info}/METADATA", f"{info}/WHEEL", f"{info}/entry_points.txt", "pure.py"]


def test_interrupts_leave_nothing(project, tmp_path, monkeypatch):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": ""})

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "installed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        install(project("pure"))
    assert list((tmp_path / "cache/dependencies").iterdir()) == []


def test_the_record_survives_json(project):
    make_wheel(project.wheels, "opt", "2.0", {"opt/__init__.py": GUARD, "opt/_fast.so": "ELF"})
    found = install(project("opt"))
    stored = json.loads((found.site.parent / "packages.json").read_text())
    assert stored["packages"][0]["name"] == "opt"
    assert stored["key"] == found.key
