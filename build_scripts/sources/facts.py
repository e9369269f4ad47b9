"""What the build needs to know of one source file, read from its syntax tree.

Runs inside the target's own Python (the host's may know an older grammar), so it imports nothing
but the standard library and gives plain data that survives JSON.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

TOP = 1  # runs when the module is imported (not inside a function)
GUARDED = 2  # inside a `try` whose handler swallows ImportError
TYPING = 4  # under `if TYPE_CHECKING:`: never runs
FALLBACK = 8  # in an `except`, `else` or `if` branch: may never run
RERAISED = 16  # inside a `try` whose handler catches ImportError and raises again

IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError"}
REFLECTION = {"globals", "locals", "vars", "exec", "setattr", "__dict__"}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a source cannot be compiled. ``kind`` is ``encoding`` or ``syntax``.

    ``offset`` is the byte offset in the file for an encoding problem, the column (from 1) for a
    syntax problem. ``text`` is the offending line.
    """

    kind: str
    message: str
    line: int = 0
    offset: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """``imports``: [absolute module, names taken from it, flags]; ``defined``: top-level names.

    ``is_dynamic``: names may exist that the syntax tree does not show (star imports, module
    ``__getattr__``, ``globals()`` and the like).
    """

    imports: list[tuple[str, list[str], int]] = field(default_factory=list)
    defined: list[str] = field(default_factory=list)
    is_dynamic: bool = False
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Facts:
        problem = data["problem"]
        return Facts(
            imports=[(module, list(names), flags) for module, names, flags in data["imports"]],
            defined=list(data["defined"]),
            is_dynamic=bool(data["is_dynamic"]),
            problem=Problem(**problem) if problem else None,
        )


def decode(source: bytes) -> str | Problem:
    """The text of ``source`` as PEP 263 has it, or why it has none."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError as error:
        # Raised for an unknown codec, and for non-UTF-8 bytes in the first two lines.
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as bad:
            return _encoding_problem(source, bad)
        return Problem(kind="encoding", message=str(error.msg), line=1)
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as bad:
        return _encoding_problem(source, bad)


def _encoding_problem(source: bytes, bad: UnicodeDecodeError) -> Problem:
    return Problem(
        kind="encoding",
        message=f"byte 0x{source[bad.start]:02x} at offset {bad.start} is not {bad.encoding}",
        line=source.count(b"\n", 0, bad.start) + 1,
        offset=bad.start,
    )


def parse(source: bytes, filename: str) -> tuple[ast.Module, CodeType] | Problem:
    """The syntax tree and the code, or the reason why CPython refuses the file."""
    decoded = decode(source)
    if isinstance(decoded, Problem):
        return decoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, filename)
            # Some errors (`return` outside a function) are only found by the compiler proper.
            code = compile(tree, filename, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        return Problem(
            kind="syntax",
            message=str(error),
            line=error.lineno or 0,
            offset=error.offset or 0,
            text=error.text or _line(decoded, error.lineno),
        )
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Problem(kind="syntax", message=f"{error} ({filename})")
    return tree, code


def _line(text: str, number: int | None) -> str:
    lines = text.splitlines(keepends=True)
    return lines[number - 1] if number and number <= len(lines) else ""


def read(tree: ast.Module, name: str, is_package: bool) -> Facts:
    """The facts of a module called ``name`` with this syntax tree."""
    reader = _Reader(name if is_package else name.rpartition(".")[0], name if is_package else "")
    for statement in tree.body:
        reader.visit(statement, TOP, in_module=True)
    return Facts(
        imports=reader.imports,
        defined=sorted(reader.defined),
        is_dynamic=reader.is_dynamic,
    )


_IMPORTS = {ast.Import, ast.ImportFrom}
_SCOPES = {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda}
_TRIES = {ast.Try, getattr(ast, "TryStar", ast.Try)}
_NAMING = {
    ast.Name,
    ast.Attribute,
    ast.Global,
    ast.MatchAs,
    ast.MatchStar,
    ast.MatchMapping,
    ast.Call,
}
_LEAVES = {ast.Constant, ast.Load, ast.Store, ast.Del, ast.Pass}


class _Reader:
    """Walks a tree, knowing for each node whether it runs at import and whether it may fail."""

    def __init__(self, package: str, own_package: str) -> None:
        self.package = package
        self.own_package = own_package
        self.imports: list[tuple[str, list[str], int]] = []
        self.defined: set[str] = set()
        self.is_dynamic = False

    def visit(self, node: ast.AST, flags: int, *, in_module: bool) -> None:
        kind = type(node)
        if kind in _LEAVES:
            return
        if kind in _IMPORTS:
            self._import(node, flags, in_module)
        elif kind in _SCOPES:
            self._scope(node, flags, in_module)
        elif kind in _TRIES:
            self._try(node, flags, in_module)
        elif kind is ast.If:
            self._if(node, flags, in_module)
        else:
            if kind in _NAMING:
                self._names(node, flags, in_module)
            self._children(node, flags, in_module)

    def _children(self, node: ast.AST, flags: int, in_module: bool) -> None:
        # vars() instead of ast.iter_child_nodes(): this runs for two million nodes of a standard
        # library, and halves the time of the whole walk.
        for value in vars(node).values():
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item, flags, in_module=in_module)
            elif isinstance(value, ast.AST):
                self.visit(value, flags, in_module=in_module)

    def _all(self, nodes: list[Any], flags: int, in_module: bool) -> None:
        for node in nodes:
            self.visit(node, flags, in_module=in_module)

    def _scope(self, node: Any, flags: int, in_module: bool) -> None:
        name = getattr(node, "name", "")
        if in_module and name:
            self.defined.add(name)
            self.is_dynamic |= name == "__getattr__"
        inner = flags if isinstance(node, ast.ClassDef) else flags & ~TOP
        self._all(getattr(node, "decorator_list", []), flags, in_module)
        for part, value in ast.iter_fields(node):
            if part == "decorator_list":
                continue
            nodes = value if isinstance(value, list) else [value]
            in_body = inner if part == "body" else flags
            self._all([n for n in nodes if isinstance(n, ast.AST)], in_body, False)

    def _try(self, node: Any, flags: int, in_module: bool) -> None:
        inner = flags
        for handler in node.handlers:
            if _catches_import_error(handler):
                raises = any(isinstance(statement, ast.Raise) for statement in handler.body)
                inner |= RERAISED if raises else GUARDED
                break
        self._all(node.body, inner, in_module)
        self._all(node.handlers, flags | FALLBACK, in_module)
        self._all(node.orelse, flags, in_module)
        self._all(node.finalbody, flags, in_module)

    def _if(self, node: Any, flags: int, in_module: bool) -> None:
        test = node.test
        name = test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")
        self.visit(test, flags, in_module=in_module)
        typing = TYPING if name == "TYPE_CHECKING" else FALLBACK
        self._all(node.body, flags | typing, in_module)
        self._all(node.orelse, flags | (0 if typing == TYPING else FALLBACK), in_module)

    def _names(self, node: ast.AST, flags: int, in_module: bool) -> None:
        if isinstance(node, ast.Name):
            if in_module and isinstance(node.ctx, ast.Store):
                self.defined.add(node.id)
            self.is_dynamic |= node.id in REFLECTION
        elif isinstance(node, ast.Attribute):
            self.is_dynamic |= node.attr in ("modules", "__dict__")
        elif isinstance(node, ast.Global):
            self.defined.update(node.names)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and in_module and node.name:
            self.defined.add(node.name)
        elif isinstance(node, ast.MatchMapping) and in_module and node.rest:
            self.defined.add(node.rest)
        elif isinstance(node, ast.Call):
            self._call(node, flags)

    def _call(self, node: ast.Call, flags: int) -> None:
        """``importlib.import_module("literal")`` and ``__import__("literal")``."""
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name not in ("import_module", "__import__") or not node.args:
            return
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
            target = first.value
            level = len(target) - len(target.lstrip("."))
            absolute = self._absolute(target[level:], level)
            if absolute:
                self.imports.append((absolute, [], flags | FALLBACK))

    def _import(self, node: Any, flags: int, in_module: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports.append((alias.name, [], flags))
                if in_module:
                    self.defined.add(alias.asname or alias.name.partition(".")[0])
            return
        absolute = self._absolute(node.module or "", node.level)
        names = [alias.name for alias in node.names]
        if absolute:
            self.imports.append((absolute, [name for name in names if name != "*"], flags))
        if in_module:
            self.is_dynamic |= "*" in names
            self.defined.update(alias.asname or alias.name for alias in node.names)
            # `from .sub import x` in a package also binds `sub` there.
            if node.level == 1 and node.module and self.own_package:
                self.defined.add(node.module.partition(".")[0])

    def _absolute(self, module: str, level: int) -> str:
        """The absolute name of a relative import; "" when it leaves the top of the package."""
        if level == 0:
            return module
        parts = self.package.split(".") if self.package else []
        if level > len(parts):
            return ""
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type
    if kinds is None:
        return True
    parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    names = {p.id if isinstance(p, ast.Name) else getattr(p, "attr", "") for p in parts}
    return bool(names & IMPORT_ERRORS)
