"""urllib3: whether there is IPv6 is asked when the first connection is made, not at import."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def freeze() -> None:
    module: Any = sys.modules["urllib3.util.connection"]
    original = module.allowed_gai_family

    def allowed_gai_family() -> Any:
        module.allowed_gai_family = original
        module.HAS_IPV6 = module._has_ipv6("::1")  # noqa: SLF001
        return original()

    module.allowed_gai_family = allowed_gai_family
