"""Imported by every start of the pack's Python: what installers cannot see of a static program.

pip, uv and ``packaging`` learn which libc there is from the ELF interpreter that ``sys.executable``
asks for. This one asks for none, yet its libc is musl and it loads musllinux wheels: so say it
where they ask, in the vendored copies of ``packaging`` too. (PEP 600's ``_manylinux`` module has no
counterpart for musl.)
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MUSL = (1, 2)


class _Musllinux:
    """A meta path entry for that one module of ``packaging``."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.endswith("packaging._musllinux"):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Answering(spec.loader)  # type: ignore[assignment]
        return spec


class _Answering:
    """Runs the module, then puts the answer in."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        asked: Callable[[str], object] | None = getattr(module, "_get_musl_version", None)
        if asked is not None:
            own = sys.executable
            version = module._MuslVersion(*MUSL)  # noqa: SLF001
            module._get_musl_version = (  # type: ignore[attr-defined]  # noqa: SLF001
                lambda executable: version if executable == own else asked(executable)
            )


sys.meta_path.insert(0, _Musllinux)
