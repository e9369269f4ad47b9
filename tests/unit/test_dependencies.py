"""Requirements installed by uv from wheels made on the spot: no network."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest
from uv import find_uv_bin
from wheels import MUSL, make_elf, make_wheel

from build_scripts import dependencies, installer, log, targets
from native_bootstrap.errors import ConfigError, FatalError, NoUsableWheelError, ResolutionError

pytestmark = pytest.mark.subprocesses
TARGET = targets.find("x86_64")
SO = "opt/_fast.cpython-313-x86_64-linux-musl.so"
GLIBC = "cp313-cp313-manylinux_2_28_x86_64"
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
    return dependencies.install(folder, TARGET, log=log.quiet(), compiling=False, **options)


def names(found):
    return [module.name for module in found.modules]


def test_no_requirements_no_uv(tmp_path, monkeypatch):
    monkeypatch.setattr(installer, "pip_install", lambda *a, **k: pytest.fail("uv was called"))
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
    package = dependencies.Package(name="pure", version="1.0", tags=("py3-none-any",))
    assert (found.packages, found.shared_objects) == ((package,), ())


def test_an_unchanged_request_needs_no_uv(project, monkeypatch):
    make_wheel(project.wheels, "pure", "1.0", {"pure.py": "x = 1\n"})
    first = install(project("pure"))
    monkeypatch.setattr(installer, "pip_install", lambda *a, **k: pytest.fail("uv was called"))
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


def test_a_musllinux_wheel_wins_over_a_pure_one(project):
    native = {"opt/__init__.py": GUARD, SO: make_elf()}
    make_wheel(project.wheels, "opt", "2.0", native)
    make_wheel(project.wheels, "opt", "2.0", {"opt/__init__.py": "slow = True\n"})
    found = install(project("opt"))
    (package,) = found.packages
    assert (package.tags, package.compiled) == ((MUSL,), (SO,))
    assert (package.fell_back, package.reason) == ((), "")
    (item,) = found.shared_objects
    assert (item.path, item.module, item.package) == (SO, "opt._fast", "opt 2.0")
    assert item.file.read_bytes() == native[SO]
    assert names(found) == ["opt"]
    assert not [data for data in found.data if data.path.endswith(".so")]
    assert install(project.folder) == found


@pytest.mark.parametrize("tag", ["musllinux_1_0", "musllinux_1_1", "musllinux_1_2", "linux"])
def test_every_musl_of_the_target_will_do(project, tag):
    tag = f"cp313-cp313-{tag}_x86_64"
    make_wheel(project.wheels, "opt", "1.0", {SO: make_elf()}, tag=tag)
    assert install(project("opt")).packages[0].tags == (tag,)


def test_the_stable_abi_and_the_other_machine(project):
    files = {
        "opt/_fast.abi3.so": make_elf(machine=183),
        "opt.libs/libx-1.so.2": make_elf(machine=183),
    }
    make_wheel(project.wheels, "opt", "1.0", files, tag="cp39-abi3-musllinux_1_2_aarch64")
    make_wheel(project.wheels, "opt", "1.0", {SO: make_elf()})
    found = dependencies.install(project("opt"), targets.find("arm64"), log=log.quiet())
    modules = [(item.path, item.module) for item in found.shared_objects]
    assert modules == [("opt.libs/libx-1.so.2", ""), ("opt/_fast.abi3.so", "opt._fast")]


def test_an_older_version_with_a_wheel_is_taken(project):
    make_wheel(project.wheels, "opt", "1.0", {SO: make_elf()})
    make_wheel(project.wheels, "opt", "2.0", {SO: make_elf()}, tag=GLIBC)
    assert install(project("opt")).packages[0].version == "1.0"


def test_extension_modules_for_other_pythons_stay_out(project):
    others = (
        "cpython-312-x86_64-linux-musl",
        "cpython-313-x86_64-linux-gnu",
        "pypy310-pp73-x86_64",
    )
    files = {f"opt/_fast.{suffix}.so": make_elf() for suffix in others}
    make_wheel(project.wheels, "opt", "1.0", {SO: make_elf(), **files})
    found = install(project("opt"))
    assert [item.path for item in found.shared_objects] == [SO]
    assert not [data for data in found.data if ".so" in data.path]


def test_a_broken_extension_names_file_and_package(project):
    make_wheel(project.wheels, "opt", "1.5", {SO: make_elf()[:-20]})
    with pytest.raises(NoUsableWheelError, match=rf"opt 1\.5: {SO} is cut off") as caught:
        install(project("opt"))
    assert "take a version of opt with a sound musllinux wheel" in caught.value.hint


def test_libraries_for_other_systems_stay_files_with_a_warning(project, capsys):
    """A pure wheel that brings a library for each system, and loads the right one by ctypes."""
    files = {"opt.py": "", "opt_libs/x86.so": make_elf(), "opt_libs/arm.so": make_elf(machine=183)}
    make_wheel(project.wheels, "opt", "1.0", files, tag="py3-none-any")
    found = install(project("opt"))
    assert [item.path for item in found.shared_objects] == ["opt_libs/x86.so"]
    assert [data.path for data in found.data if "libs" in data.path] == ["opt_libs/arm.so"]
    (warning,) = found.warnings
    assert warning == (
        "opt 1.0: opt_libs/arm.so is for aarch64, the function runs on x86_64: it stays a file"
    )


def test_optional_parts_of_packages_without_musl_wheels(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": make_elf(needed=("libc.so.6",))}
    make_wheel(project.wheels, "opt", "1.0", files, tag=GLIBC)
    for tag in (MUSL, GLIBC):
        make_wheel(project.wheels, "other", "1.0", {"other/_c.so": make_elf()}, tag=tag)
    make_wheel(project.wheels, "front", "1.0", {"front.py": ""}, requires=("opt", "other"))
    found = install(project("front"))
    about = {package.name: package for package in found.packages}
    assert about["opt"].fell_back == ("opt/_fast.so",)
    assert about["opt"].reason == "its imports are guarded"
    assert about["other"].compiled == ("other/_c.so",)
    assert names(found) == ["front", "opt"]


def unbuildable(folder, wheels, name, version, metadata="2.2"):
    """A source package that needs a compiler."""
    source_package(folder, {})
    if metadata < "2.2":
        (folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
    (folder / "backend.py").write_text("def build_wheel(*_): raise SystemExit('no compiler')\n")
    source_archive(folder, wheels, version, name, metadata)


def test_nothing_goes_back_for_want_of_a_wheel_of_another(project):
    """Not an old version of what requires it, from before it did so."""
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": make_elf()}
    make_wheel(project.wheels, "opt", "1.0", files, tag=GLIBC)
    unbuildable(project.folder / "opt", project.wheels, "opt", "1.0")
    make_wheel(project.wheels, "front", "0.1", {"front.py": ""})
    make_wheel(project.wheels, "front", "2.0", {"front.py": ""}, requires=("opt",))
    found = {package.name: package for package in install(project("front")).packages}
    assert found["front"].version == "2.0"
    assert found["opt"].fell_back == ("opt/_fast.so",)


def test_plain_python_of_the_newest_comes_before_an_old_pure_version(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": make_elf()}
    make_wheel(project.wheels, "opt", "0.1", {"opt/__init__.py": "old = True\n"})
    make_wheel(project.wheels, "opt", "1.0", files, tag=GLIBC)
    unbuildable(project.folder / "opt", project.wheels, "opt", "1.0")
    (package,) = install(project("opt")).packages
    assert (package.version, package.fell_back) == ("1.0", ("opt/_fast.so",))


def test_an_old_pure_version_if_nothing_else_works(project):
    make_wheel(project.wheels, "opt", "1.0", {"opt/__init__.py": "old = True\n"})
    unbuildable(project.folder / "opt", project.wheels, "opt", "1.1")
    found = install(project("opt"))
    assert found.packages[0].version == "1.0"
    assert found.warnings == ("opt 1.0 is taken: 1.1 has no wheel for the target",)


@pytest.mark.parametrize("metadata", ["2.2", "2.1"])
@pytest.mark.parametrize(("old", "new"), [("1.9", "4.0"), ("0.1.5", "0.98")])
def test_an_old_major_version_is_not_taken_unasked(project, metadata, old, new):
    make_wheel(project.wheels, "opt", old, {"opt/__init__.py": "old = True\n"})
    unbuildable(project.folder / "opt", project.wheels, "opt", new, metadata)
    with pytest.raises(NoUsableWheelError, match=f"opt {new} has compiled parts") as caught:
        install(project("opt"))
    assert caught.value.hint.startswith(f"it has one in version {old}: require that in require")
    assert install(project(f"opt<{new}")).packages[0].version == old


def test_what_requires_it_does_not_go_back_either(project):
    unbuildable(project.folder / "opt", project.wheels, "opt", "1.0")
    make_wheel(project.wheels, "front", "2.0", {"front.py": ""})
    make_wheel(project.wheels, "front", "2.1", {"front.py": ""}, requires=("opt",))
    with pytest.raises(NoUsableWheelError, match=r"opt 1\.0 \(required by front\)"):
        install(project("front"))


def test_a_source_that_went_on_without_its_extension(project):
    """Its wheel is named after the Python that built it, with nothing of it inside."""
    host = f"cp3{sys.version_info.minor}-cp3{sys.version_info.minor}-linux_{TARGET.machine}"
    source_package(project.folder / "opt", {"local/__init__.py": "x = 1\n"}, host)
    project.wheels.mkdir(exist_ok=True)
    source_archive(project.folder / "opt", project.wheels, "1.0")
    make_wheel(project.wheels, "other", "1.0", {"other.py": ""})
    found = install(project("local", "other"))
    assert names(found) == ["local", "other"]


def test_needed_parts_without_a_musl_wheel(project):
    files = {"core/__init__.py": "from core._c import *\n", "core/_c.so": make_elf()}
    make_wheel(project.wheels, "core", "2.0", files, tag=GLIBC)
    for version in ("0.8", "0.9"):
        make_wheel(project.wheels, "core", version, files)
    make_wheel(project.wheels, "front", "1.0", {"front.py": ""}, requires=("core>=1",))
    words = r"core 2\.0 \(required by front\) has compiled parts and no musllinux wheel for Python"
    with pytest.raises(NoUsableWheelError, match=words) as caught:
        install(project("front"))
    assert caught.value.hint.startswith(
        "it has one in version 0.9, 0.8: allow a version of front that takes that; or build one"
    )


def test_a_known_alternative_is_named(project):
    files = {"psycopg2/__init__.py": "from ._c import *\n", "psycopg2/_c.so": make_elf()}
    make_wheel(project.wheels, "psycopg2", "2.9", files, tag=GLIBC)
    with pytest.raises(NoUsableWheelError, match="on x86_64") as caught:
        install(project("psycopg2"))
    assert caught.value.hint.startswith("take psycopg2-binary, which does the same and has one")


def test_wheels_of_another_machine_do_not_count(project):
    files = {SO: make_elf(machine=183)}
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


def hashed(line, *wheels):
    digests = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    return " \\\n".join([line, *(f"    --hash=sha256:{digest}" for digest in digests)])


def test_right_hashes_are_honoured_also_without_a_musl_wheel(project):
    files = {"opt/__init__.py": GUARD, "opt/_fast.so": make_elf()}
    opt = make_wheel(project.wheels, "opt", "1.0", files, tag=GLIBC)
    other = make_wheel(project.wheels, "other", "1.0", {"other.py": ""})
    lines = ("--require-hashes", hashed("opt==1.0", opt), hashed("other==1.0", other))
    assert [p.reason for p in install(project(*lines)).packages] == ["its imports are guarded", ""]
    lines = ("--require-hashes", hashed("opt==1.0", other), hashed("other==1.0", other))
    with pytest.raises(FatalError):
        install(project(*lines))


def test_one_requirement_without_a_hash(project):
    wheel = make_wheel(project.wheels, "pure", "1.0", {"pure.py": ""})
    make_wheel(project.wheels, "other", "1.0", {"other.py": ""})
    with pytest.raises(ResolutionError, match="other"):
        install(project("--require-hashes", hashed("pure==1.0", wheel), "other==1.0"))


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
        {"local/__init__.py": "from local._c import *\n", "local/_c.so": make_elf()},
        "cp313-cp313-manylinux_2_17_x86_64",
    )
    with pytest.raises(NoUsableWheelError, match="local"):
        install(project("./local"))


def test_code_that_a_source_was_built_to_for_this_machine(project):
    files = {"local/__init__.py": "", "local/_c.abi3.so": make_elf(needed=("libc.so.6",))}
    source_package(project.folder / "local", files, "cp39-abi3-linux_x86_64")
    words = "built from its source it holds code for this machine"
    with pytest.raises(NoUsableWheelError, match=words):
        install(project("./local"))


def test_what_uv_has_built_with_a_compiler_is_built_anew(project, monkeypatch, tmp_path):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    project.wheels.mkdir(exist_ok=True)
    folder = project.folder / "code"
    source_package(folder, {"local/_c.abi3.so": make_elf()}, "cp39-abi3-linux_x86_64")
    backend = folder / "backend.py"
    compiled = backend.read_text()
    plain = compiled.replace("local/_c.abi3.so", "local/plain.py").replace(
        repr(make_elf()), repr("")
    )
    plain, compiled = textwrap.indent(plain, "    "), textwrap.indent(compiled, "    ")
    backend.write_text(
        f"import os\nif os.environ.get('CC') == 'false':\n{plain}else:\n{compiled}", "utf-8"
    )
    source_archive(folder, project.wheels, "1.0")
    command = [find_uv_bin(), "pip", "install", "--no-index", "--find-links", project.wheels]
    target = ["--target", tmp_path / "earlier", "--python", sys.executable]
    subprocess.run([*command, *target, "local"], check=True, capture_output=True)
    assert list((tmp_path / "earlier").rglob("*.so"))
    found = install(project("local"))
    assert (names(found), found.shared_objects) == (["local.plain"], ())


def source_archive(folder, wheels, version, name="local", metadata="2.2"):
    """The source package in ``folder`` as an sdist; before 2.2 the metadata count for nothing."""
    (folder / "PKG-INFO").write_text(
        f"Metadata-Version: {metadata}\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    wheels.mkdir(exist_ok=True)
    with tarfile.open(wheels / f"{name}-{version}.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname=f"{name}-{version}")


def test_sources_of_the_newest_or_wheels_of_an_older_version(project):
    """A source that is plain Python counts as much as a wheel; one with code gives way."""
    project.wheels.mkdir(exist_ok=True)
    make_wheel(project.wheels, "local", "1.0a1", {"local.py": "old = True\n"})
    source_package(project.folder / "plain", {"local.py": "new = True\n"})
    source_archive(project.folder / "plain", project.wheels, "1.0")
    (package,) = install(project("local")).packages
    assert (package.version, package.reason) == ("1.0", "")
    (package,) = install(project("--prefer-binary", "local")).packages
    assert package.version == "1.0a1"
    files = {"local/_c.abi3.so": make_elf(needed=("libc.so.6",))}
    source_package(project.folder / "code", files, "cp39-abi3-linux_x86_64")
    source_archive(project.folder / "code", project.wheels, "1.0")
    (package,) = install(project("local", "pip>=0 ; python_version < '3'")).packages
    assert (package.version, package.reason) == ("1.0a1", "1.0 has no wheel for the target")


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


PYLOCK = """lock-version = "1.0"
created-by = "tests"
[[packages]]
name = "opt"
version = "1.0"
wheels = [{{ path = "wheels/{name}", hashes = {{ sha256 = "{digest}" }} }}]
"""


def pylock(project, wheel, digest=""):
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project.folder / "pylock.toml").write_text(PYLOCK.format(name=wheel.name, digest=digest))
    return project.folder


def test_a_pylock_is_followed(project):
    wheel = make_wheel(project.wheels, "opt", "1.0", {SO: make_elf()})
    make_wheel(project.wheels, "opt", "2.0", {SO: make_elf()})
    (package,) = install(pylock(project, wheel)).packages
    assert (package.version, package.compiled) == ("1.0", (SO,))
    assert install(project.folder, chosen=project.folder / "pylock.toml").packages == (package,)


def test_a_pylock_with_a_wrong_hash(project):
    wheel = make_wheel(project.wheels, "opt", "1.0", {SO: make_elf()})
    with pytest.raises(ResolutionError, match=r"pylock\.toml names by its hash"):
        install(pylock(project, wheel, "0" * 64))


def test_a_pylock_without_a_wheel_for_the_target(project, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    wheel = make_wheel(project.wheels, "opt", "1.0", {"opt/_c.so": make_elf()}, tag=GLIBC)
    with pytest.raises(NoUsableWheelError, match=r"opt 1\.0"):
        install(pylock(project, wheel))


@pytest.mark.parametrize("text", ["packages = 3", "[[packages]]\nversion='1'", "[", "packages=[1]"])
def test_a_pylock_that_is_none(project, text):
    (project.folder / "pylock.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"not a valid lock file \(PEP 751\)"):
        install(project.folder)


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
    make_wheel(project.wheels, "opt", "2.0", {"opt/__init__.py": GUARD, SO: make_elf()})
    found = install(project("opt"))
    stored = json.loads((found.site.parent / "packages.json").read_text())
    assert stored["packages"][0]["name"] == "opt"
    assert stored["key"] == found.key
