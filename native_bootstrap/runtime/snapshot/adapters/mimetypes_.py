"""mimetypes: the tables are read again where the function has added nothing of its own to them.

They come from files of the machine (`/etc/mime.types` …), which the clean room does not have.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TABLES = ("types_map", "types_map_inv", "encodings_map", "suffix_map")


def freeze() -> None:
    module: Any = sys.modules["mimetypes"]
    if not module.inited:
        return
    mine, fresh = module._db, module.MimeTypes()  # noqa: SLF001
    for file in module.knownfiles:
        if sys.modules["os"].path.isfile(file):
            fresh.read(file)
    if all(getattr(mine, name) == getattr(fresh, name) for name in _TABLES):
        module._default_mime_types()  # noqa: SLF001
        module.inited, module._db = False, None  # noqa: SLF001
