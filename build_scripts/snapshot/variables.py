"""What Lambda's own environment variables are, from resources/lambda_environment.toml."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from build_scripts import resources
from build_scripts.snapshot import patterns
from build_scripts.snapshot.patterns import Pattern

_DATA = resources.load("lambda_environment")
FIXED: Mapping[str, str] = MappingProxyType(dict(_DATA["fixed"]))
USUAL: Mapping[str, str | None] = MappingProxyType(
    {**_DATA["usual"], **dict.fromkeys(_DATA["usually_absent"]["names"])}
)
_USUALLY_ABSENT = tuple(_DATA["usually_absent"]["prefixes"])
HOME = "/home/sbx_user1051"  # of the user that runs functions; Lambda sets no HOME
OR_ABSENT = frozenset((*USUAL, "HOME"))  # as expected, or not set: the same to the function
# A function that does not exist, for the trial of an image.
DEPLOYMENT: Mapping[str, str] = MappingProxyType(dict(_DATA["trial"]))
_PER_DEPLOYMENT = frozenset(_DATA["per_deployment"]["names"])
_PREFIXES = tuple(_DATA["per_deployment"]["prefixes"])


def is_per_deployment(name: str) -> bool:
    """True for what differs between functions, regions, accounts or single environments."""
    return name in _PER_DEPLOYMENT or name.startswith(_PREFIXES)


def is_usual(name: str) -> bool:
    """True for what is the same, or not set, in nearly all functions (``USUAL.get``: its value)."""
    return name in USUAL or name.startswith(_USUALLY_ABSENT)


def is_free(name: str) -> bool:
    """True for what is the user's to set, or not: it is none of Lambda's."""
    is_lambdas = is_usual(name) or is_per_deployment(name) or name in FIXED
    return not is_lambdas and patterns.parse(name) is None


def has_lambdas(pattern: Pattern) -> bool:
    """True for the beginning of names of which Lambda sets some."""
    if not pattern.is_prefix:
        return False
    prefixes = [pattern.folded(prefix) for prefix in (*_PREFIXES, *_USUALLY_ABSENT)]
    return any(map(pattern.matches, (*FIXED, *USUAL, *_PER_DEPLOYMENT, "HOME", *prefixes))) or any(
        pattern.stem.startswith(prefix) for prefix in prefixes
    )


def is_transparent(module: str, name: str) -> bool:
    """True for packages that read a variable on behalf of their caller."""
    settings = _DATA["transparent"]
    return _is_in(module, settings["packages"]) and name not in settings["own"]


def is_patcher(module: str) -> bool:
    """True for packages that change other modules on request."""
    return _is_in(module, _DATA["patchers"]["packages"])


def _is_in(module: str, packages: list[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)
