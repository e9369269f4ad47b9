"""What the caller has configured for package registries, for use inside a container.

Variables are passed on and files are mounted read-only at their own places; while an image is
built, both come as a secret. Neither becomes part of an image.
"""

from __future__ import annotations

import configparser
import io
import os
import re
import shlex
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_VARIABLES = re.compile(
    r"(?i:https?_proxy|all_proxy|no_proxy)"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC"
    r"|PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY"
    r"|CONSTRAINT|CONFIG_FILE|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|KEYRING_PROVIDER)"
    r"|UV_(?:DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INDEX_STRATEGY"
    r"|INDEX_\w+_(?:USERNAME|PASSWORD)|CONFIG_FILE|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST"
    r"|HTTP_TIMEOUT|HTTP_RETRIES|CONSTRAINT|KEYRING_PROVIDER|OFFLINE)"
)
# Variables and settings whose value is a file, or (find-links, indexes) a folder of packages.
_PATHS = re.compile(r"CERT$|CERT_FILE|CA_BUNDLE|NETRC|CONFIG_FILE|CONSTRAINT|FIND_LINKS|INDEX")
_SETTINGS = ("cert", "client-cert", "constraint", "find-links", "index-url", "extra-index-url")
_UV_SETTINGS = frozenset({"url", "index-url", "extra-index-url", "find-links", "cache-keys"})


@dataclass(frozen=True, kw_only=True)
class Registry:
    """``variables`` of the environment; ``files`` and ``folders`` of the machine they lead to."""

    variables: Mapping[str, str]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def discover(environ: Mapping[str, str], home: Path) -> Registry:
    """Everything that pip and uv look at, as far as it is there."""
    variables = {name: value for name, value in environ.items() if _VARIABLES.fullmatch(name)}
    files = [path for path in _configurations(environ, home) if path.is_file()]
    for name, value in variables.items():
        if _PATHS.search(name):
            files += _paths(value)
    for path in tuple(files):
        files += [found for value in _values(path) for found in _paths(value)]
    there = dict.fromkeys(path for path in files if path.is_absolute())
    return Registry(
        variables=variables,
        files=tuple(path for path in there if path.is_file()),
        folders=tuple(path for path in there if path.is_dir()),
    )


def _configurations(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where pip (its documentation, "Configuration files") and uv look."""
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    system = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    return [
        *(Path(folder, "pip", "pip.conf") for folder in reversed(system)),
        *(Path(folder, "uv", "uv.toml") for folder in reversed(system)),
        Path("/etc/pip.conf"),
        Path("/etc/uv/uv.toml"),
        home / ".pip" / "pip.conf",
        own / "pip" / "pip.conf",
        own / "uv" / "uv.toml",
        home / ".netrc",
    ]


def _values(path: Path) -> list[str]:
    """Of a configuration file, the values that may lead to other files."""
    try:
        if path.suffix == ".toml":
            return list(_strings(tomllib.loads(path.read_text("utf-8"))))
        if path.name.startswith("pip") and path.suffix in (".conf", ".ini", ""):
            return [value for name, value in _pip(path) if name in _SETTINGS]
    except (OSError, ValueError, configparser.Error):
        pass  # the tool itself will say what is wrong with it
    return []


def _pip(path: Path) -> Iterator[tuple[str, str]]:
    """Settings of a pip.conf that count for an installation."""
    parser = configparser.RawConfigParser()
    parser.read_string(path.read_text("utf-8"))
    for section in ("global", "install"):
        if parser.has_section(section):
            yield from parser.items(section)


def _strings(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, str) and key in _UV_SETTINGS:
        yield value


def _paths(value: str) -> list[Path]:
    words = [word.removeprefix("file://") for word in value.split()]
    found = [Path(word) for word in words if word.startswith("/") and Path(word).exists()]
    return [_whole_index(path) for path in found]


def _whole_index(path: Path) -> Path:
    """Pages of an index in a folder (PEP 503) lead to files beside it: `../../files/…`."""
    is_index = path.is_dir() and path.name == "simple" and len(path.parts) > 2
    return path.parent if is_index else path


def pip_secret(registry: Registry) -> bytes:
    """For an image build: a tar file with `env`, a shell script, and the files that it names.

    pip's configuration files become variables, which count more and can name the files' new places
    below $REGISTRY.
    """
    settings: dict[str, str] = {}
    for path in registry.files:
        if path.name == "pip.conf":
            known = (*_SETTINGS, "trusted-host", "no-index", "proxy", "timeout")
            pairs = [(name, value) for name, value in _pip(path) if name in known]
            settings |= {f"PIP_{n.upper().replace('-', '_')}": v for n, v in pairs}
    settings |= registry.variables
    settings["PIP_CONFIG_FILE"] = "/dev/null"
    settings.pop("UV_CONFIG_FILE", None)
    lines, content = [], io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, value in sorted(settings.items()):
            words = [_moved(word, registry, tar) for word in value.split()]
            joined = '" "'.join(words) if len(words) > 1 else "".join(words)
            lines.append(f"export {name}={joined}")
        _add(tar, "env", "\n".join([*lines, ""]).encode())
    return content.getvalue()


def _moved(word: str, registry: Registry, tar: tarfile.TarFile) -> str:
    """A word of a value for the shell; a file's becomes its place in the tar file."""
    path = Path(word.removeprefix("file://"))
    if path not in registry.files:
        return shlex.quote(word)
    name = f"files/{registry.files.index(path)}-{path.name}"
    if name not in tar.getnames():
        _add(tar, name, path.read_bytes())
    return f'"$REGISTRY"/{name}'


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
