"""What pydantic-settings looks for when it goes through all environment variables: its fields."""

from __future__ import annotations

import os

from native_bootstrap.runtime.snapshot.names import ANY, ANY_CASE, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType


def variables(frame: FrameType) -> Iterable[str] | None:
    """A variable for each field, or several with its parts; ``frame``: a source's _load_env_vars.

    None: it may be others as well, as in a source of the project's own.
    """
    source = frame.f_locals["self"]
    if not type(source).__module__.startswith("pydantic_settings."):
        return None
    found: list[str] = []
    for field_name, field in source.settings_cls.model_fields.items():
        for _, name, is_complex in source._extract_field_info(field, field_name):  # noqa: SLF001
            delimiter = source.env_nested_delimiter
            has_parts = delimiter and (is_complex or source._field_is_complex(field)[0])  # noqa: SLF001
            spelled = _of_field(name, delimiter if has_parts else "", source.case_sensitive)
            if spelled is None:
                return None
            found += spelled
    return found


def _of_field(name: str, delimiter: str, case_sensitive: bool) -> list[str] | None:
    """The variable as it is spelled; where it is not set, in the usual way, unless it has parts.

    None where two spellings are set: the last in the environment's order counts.
    """
    folded = ANY_CASE + name.lower()
    pattern = name if case_sensitive else folded
    parts = pattern + (delimiter if case_sensitive else delimiter.lower()) + ANY
    spelled = [other for other in os.environ if matches(pattern, other)]
    of_parts = [other for other in os.environ if delimiter and matches(parts, other)]
    once = {other if case_sensitive else other.lower() for other in (*spelled, *of_parts)}
    if len(once) < len(spelled) + len(of_parts):
        return None
    if not spelled and not of_parts:
        spelled = [name if case_sensitive else name.upper()]
    others = [] if case_sensitive and spelled else [folded]
    return [*([parts] if delimiter else []), *spelled, *others]
