"""Compiles a list of sources to one data file and an index; run by the target's own Python.

    python -c "…; worker.main()" JOBS.json OUT

JOBS.json: {"jobs": [{"name", "file", "path", "is_package", "keep_source",
"docstrings"}],
            "prefix": "/var/task/"}
``path`` is what the archive stores; code gets the filename ``prefix + path`` (``path`` itself when
absolute). OUT.data holds the bytes, OUT.json the index: a list of {"name", "path", "is_package",
"raw": [offset, length], "deflated": […], "source": […], "facts": {…}}. A source that cannot be
compiled has a problem in its facts and no code.
"""

from __future__ import annotations

import ast
import json
import marshal
import sys
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

from build_scripts.sources import facts as facts_of
from build_scripts.sources import marshal_stream

_Documented: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

LEVEL = 7  # 9 takes four times as long for 0.6 % less
RECURSION = 20_000  # generated sources nest expressions deeply; CPython's parser has its own limit


def main() -> None:
    """Entry of the subprocess."""
    sys.setrecursionlimit(RECURSION)
    request, out = Path(sys.argv[1]), sys.argv[2]
    work = json.loads(request.read_text("utf-8"))
    with Path(out + ".data").open("wb") as data:
        index = [compile_one(job, work["prefix"], data) for job in work["jobs"]]
    Path(out + ".json").write_text(json.dumps(index), "utf-8")


def compile_one(job: dict[str, Any], prefix: str, data: IO[bytes]) -> dict[str, Any]:
    """The index row of one job; its bytes go to ``data``."""
    name, path, is_package = job["name"], job["path"], job["is_package"]
    row: dict[str, Any] = {"name": name, "path": path, "is_package": is_package}
    source = Path(job["file"]).read_bytes()
    filename = path if path.startswith("/") else prefix + path
    parsed = facts_of.parse(source, filename)
    if isinstance(parsed, facts_of.Problem):
        row["facts"] = facts_of.Facts(problem=parsed).to_json()
        return row
    tree, code = parsed
    row["facts"] = facts_of.read(tree, name, is_package).to_json()
    if job["keep_source"]:
        packed = len(source).to_bytes(4, "little") + zlib.compress(source, LEVEL)
        row["source"] = _append(data, packed)
    if not job["docstrings"]:
        code = compile(_Undocumented().visit(tree), filename, "exec", dont_inherit=True)
    raw = marshal_stream.canonical(marshal.dumps(code))
    row["raw"] = _append(data, raw)
    row["deflated"] = _append(data, zlib.compress(raw, LEVEL))
    return row


class _Undocumented(ast.NodeTransformer):
    """Drops docstrings. `python -OO` does so too, but takes assertions along."""

    def _visit(self, node: _Documented) -> _Documented:
        self.generic_visit(node)
        if ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), first)]
        return node

    visit_Module = visit_ClassDef = _visit  # noqa: N815 - ast's names
    visit_FunctionDef = visit_AsyncFunctionDef = _visit  # noqa: N815


def _append(data: IO[bytes], blob: bytes) -> list[int]:
    offset = data.tell()
    data.write(blob)
    return [offset, len(blob)]
