"""The archive importer, over a small archive made in memory."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
import types

import pytest

SOURCES = {
    "nbt_app": "import nbt_pkg.sub\n\n\ndef handler():\n    raise ValueError('here')\n",
    "nbt_pkg": "value = 1\n",
    "nbt_pkg.sub": "from . import value\n",
    "nbt_pkg.data": "# -*- coding: latin-1 -*-\nname = 'é'\n",
    "nbt_broken": "import nbt_failing\n",
    "nbt_failing": "1 / 0\n",
    "nbt_native": "compiled = True\n",
}
PACKAGES = {"nbt_pkg", "nbt_space", "nbt_whole"}
EXTENSIONS = ("nbt_fast", "nbt_pkg.fast", "nbt_whole")


class Entry:
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_package = name in PACKAGES
        self.is_namespace = name == "nbt_space"
        self.flags = {"nbt_native": 16 | 8, "nbt_space": 0}.get(name, 8)  # compiled, has a source
        self.path = name.replace(".", "/") + ("/__init__.py" if self.is_package else ".py")
        if self.is_namespace:
            self.path = name
        if name in EXTENSIONS:
            self.flags = 64
            self.path = self.path[: -len(".py")] + ".abi3.so"


class Archive(types.ModuleType):
    """`_nb_archive`, as the contract of the C module has it."""

    def find(self, name):
        return Entry(name) if name in {*SOURCES, *EXTENSIONS, "nbt_space"} else None

    def get_code(self, name):
        return compile(self.get_source(name), f"/var/task/{Entry(name).path}", "exec")

    def get_source(self, name):
        encoding = "latin-1" if name == "nbt_pkg.data" else "utf-8"
        return SOURCES[name].encode(encoding) if name in SOURCES else None

    def children(self, package):
        every = (*SOURCES, *EXTENSIONS)
        return [(n, n in PACKAGES) for n in every if n.rpartition(".")[0] == package]

    def names(self):
        return [*SOURCES, "nbt_space"]


@pytest.fixture
def importer(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "_nb_archive", Archive("_nb_archive"))
    for name in ("importer", "sources"):
        monkeypatch.delitem(sys.modules, f"native_bootstrap.runtime.{name}", raising=False)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path_hooks", list(sys.path_hooks))
    monkeypatch.syspath_prepend("/var/task")
    module = importlib.import_module("native_bootstrap.runtime.importer")
    monkeypatch.setattr(module, "TASK_ROOT", "/var/task")
    module.install()
    yield module
    for name in [n for n in sys.modules if n.startswith("nbt_")]:
        del sys.modules[name]
    sys.path_importer_cache.clear()


def test_modules_know_where_they_come_from(importer):
    module = importlib.import_module("nbt_app")
    assert module.__file__ == "/var/task/nbt_app.py"
    package = sys.modules["nbt_pkg"]
    assert package.__file__ == "/var/task/nbt_pkg/__init__.py"
    assert package.__path__ == ["/var/task/nbt_pkg"]
    assert package.sub.value == 1
    assert package.__spec__.origin == package.__file__
    assert package.__spec__.loader.is_package("nbt_pkg")
    assert package.__spec__.loader.get_filename("nbt_pkg") == package.__file__


def test_sources_are_found(importer):
    module = importlib.import_module("nbt_app")
    assert inspect.getsource(module.handler) == "def handler():\n    raise ValueError('here')\n"
    try:
        module.handler()
    except ValueError:
        text = traceback.format_exc()
    assert "raise ValueError('here')" in text
    data = importlib.import_module("nbt_pkg.data")
    assert data.__loader__.get_source("nbt_pkg.data").splitlines()[1] == "name = 'é'"


def test_no_frame_of_the_importer_is_in_a_traceback(importer):
    with pytest.raises(ZeroDivisionError) as failed:
        __import__("nbt_broken")
    files = [frame.filename for frame in traceback.extract_tb(failed.value.__traceback__)]
    assert files == [__file__, "/var/task/nbt_broken.py", "/var/task/nbt_failing.py"]


def test_packages_list_their_modules(importer, tmp_path):
    package = importlib.import_module("nbt_pkg")
    names = [(m.name, m.ispkg) for m in pkgutil.iter_modules(package.__path__)]
    assert names == [("sub", False), ("data", False), ("fast", False)]
    top = {m.name: m.ispkg for m in pkgutil.iter_modules(["/var/task"])}
    assert top["nbt_pkg"] is True
    assert top["nbt_app"] is False


def test_files_beside_the_program_are_found(importer, tmp_path, monkeypatch):
    monkeypatch.setattr(importer, "TASK_ROOT", str(tmp_path))
    (tmp_path / "nbt_pkg").mkdir()
    (tmp_path / "nbt_pkg" / "extra.py").write_text("value = 'on disk'\n")
    (tmp_path / "nbt_pkg" / "notes.txt").write_text("a note")
    package = importlib.import_module("nbt_pkg")
    assert importlib.import_module("nbt_pkg.extra").value == "on disk"
    assert pkgutil.get_data("nbt_pkg", "notes.txt") == b"a note"
    names = [m.name for m in pkgutil.iter_modules(package.__path__)]
    assert names == ["sub", "data", "fast", "extra"]


@pytest.mark.parametrize(
    "folder", ["/var/task/nbt_pkg", "/var/task//x/../nbt_pkg/", "/var/task/./nbt_pkg"]
)
def test_a_folder_of_the_task_on_the_path(importer, monkeypatch, folder):
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "data", raising=False)
    module = importlib.import_module("data")
    assert (module.__name__, module.__file__) == ("data", "/var/task/nbt_pkg/data.py")
    assert module.name == "é"
    monkeypatch.delitem(sys.modules, "data")


def test_a_relative_folder_on_the_path(importer, monkeypatch):
    monkeypatch.setattr(importer.posix, "getcwd", lambda: "/var/task")
    assert importer._folder_hook("nbt_pkg").find_spec("data").origin == "/var/task/nbt_pkg/data.py"
    assert importer._folder_hook("../task/nbt_pkg").find_spec("app") is None
    with pytest.raises(ImportError, match="not in the archive"):
        importer._folder_hook("/var/task/nbt_pkg/..x")


def test_a_compiled_module_by_another_name_runs_from_its_source(importer):
    spec = importer._folder_hook("/var/task").find_spec("other.nbt_native")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.compiled
    assert module.__name__ == "other.nbt_native"


def test_namespace_packages(importer):
    module = importlib.import_module("nbt_space")
    assert list(module.__path__) == ["/var/task/nbt_space"]
    assert getattr(module, "__file__", None) is None


def test_a_package_again_by_its_file_name(importer):
    package = importlib.import_module("nbt_pkg")
    again = importlib.import_module("nbt_pkg.__init__")
    assert (again.value, again.__file__) == (package.value, package.__file__)
    assert again is not package
    assert not hasattr(again, "__path__")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("nbt_app.__init__")


def test_compiled_modules_are_left_to_their_own_finder(importer):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("nbt_native")


def test_compiled_modules_have_source_lines(importer):
    import linecache

    from native_bootstrap.runtime import sources

    sources.install()
    assert linecache.getline("/var/task/nbt_native.py", 1) == "compiled = True\n"
    assert linecache.getline("/var/task/nbt_failing.py", 1) == "1 / 0\n"  # for warnings
    linecache.cache.pop("/var/task/nbt_native.py", None)


def test_extension_modules_are_those_of_cpython(importer):
    import importlib.machinery
    import importlib.util

    for name, file in (
        ("nbt_fast", "/var/task/nbt_fast.abi3.so"),
        ("nbt_pkg.fast", "/var/task/nbt_pkg/fast.abi3.so"),
    ):
        spec = importlib.util.find_spec(name)
        assert type(spec.loader) is importlib.machinery.ExtensionFileLoader
        assert (spec.loader.name, spec.loader.path) == (name, file)
        assert (spec.name, spec.origin, spec.has_location) == (name, file, True)
        assert spec.submodule_search_locations is None
        assert spec.loader.get_source(name) is None
        same = importlib.util.spec_from_file_location(name, file)
        assert (spec.cached, spec.parent) == (same.cached, same.parent)
    whole = importlib.util.find_spec("nbt_whole")
    assert whole.submodule_search_locations == ["/var/task/nbt_whole"]
    assert whole.loader.is_package("nbt_whole")


def test_a_shared_object_that_is_not_there_says_so(importer):
    with pytest.raises(ImportError, match=r"/var/task/nbt_fast\.abi3\.so") as failed:
        importlib.import_module("nbt_fast")
    assert failed.value.name == "nbt_fast"
