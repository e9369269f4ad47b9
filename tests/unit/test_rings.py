"""The import direction: runtime imports only itself, front doors not the build side, and so on."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Builtin modules of the compiled program, and what the interpreted runtime may use if it is there.
RUNTIME_EXTRAS = {
    "_nb_archive", "_nb_client", "_nb_json", "_nb_nuitka", "_nb_snapshot", "orjson", "urllib3",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the ring"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "native_bootstrap/runtime").rglob("*.py")), ids=str)
def test_runtime_imports_only_itself_and_the_standard_library(path):
    for name in imports(path):
        top = name.split(".")[0]
        if top == "native_bootstrap":
            assert name.startswith("native_bootstrap.runtime") or name == "native_bootstrap"
        else:
            assert top in sys.stdlib_module_names | RUNTIME_EXTRAS, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "native_bootstrap").glob("*.py")), ids=str)
def test_only_the_cli_imports_the_build_side(path):
    reaches = any(name.split(".")[0] == "build_scripts" for name in imports(path))
    assert not reaches or path.name == "cli.py"


@pytest.mark.parametrize("path", sorted((ROOT / "build_scripts").rglob("*.py")), ids=str)
def test_the_build_side_uses_errors_only(path):
    ours = {name for name in imports(path) if name.startswith("native_bootstrap")}
    assert ours <= {"native_bootstrap.errors", "native_bootstrap"}
