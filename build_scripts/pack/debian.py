"""Sources through Debian's package client, with private state and without root.

The mirror's address and its key are those of the system's own configuration; only the suite is
ours. So proxies, private mirrors and pinned keys work as they do for the rest of the system.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, process
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from build_scripts.log import Log
    from build_scripts.pack.sources import Source

SUITE = "trixie"
CONFIGURATION = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """One archive the system uses. ``signed_by`` is a key file's path, a key block, or empty."""

    uri: str
    signed_by: str = ""


def fetch(source: Source, into: Path, log: Log) -> Path | str:
    """Leave ``source.file`` in ``into``; a str says why that is not possible here."""
    if not source.debian_package:
        return "has no source package"
    if shutil.which("apt-get") is None:
        return "apt-get is not installed"
    found = mirrors(CONFIGURATION)
    if not found:
        return f"no Debian mirror is configured in {CONFIGURATION}"
    reasons: list[str] = []
    for mirror in found:
        client = _Client(mirror, log)
        try:
            version = client.get(source, into)
        except ToolError as error:
            last = error.message.splitlines()[-1:]
            reasons.append(f"{mirror.uri}: {' '.join(last)}")
            continue
        if (into / source.file).is_file():
            return into / source.file
        reasons.append(f"{mirror.uri}: {source.debian_package} {version} has no {source.file}")
    return "; ".join(reasons)


def mirrors(configuration: Path) -> list[Mirror]:
    """The Debian archives in the system's source lists; security archives are left out.

    Both formats are read: one-line ``.list`` and deb822 ``.sources`` (sources.list(5)).
    """
    found: list[Mirror] = []
    lists = [configuration / "sources.list", *sorted(configuration.glob("sources.list.d/*.list"))]
    for path in lists:
        if path.is_file():
            found += _from_lines(path.read_text(encoding="utf-8", errors="replace"))
    for path in sorted(configuration.glob("sources.list.d/*.sources")):
        found += _from_stanzas(path.read_text(encoding="utf-8", errors="replace"))
    return list(dict.fromkeys(found))


def _is_debian(uri: str, suites: list[str], components: list[str]) -> bool:
    # The main archive is known by its path; a third party's repository has no component "main"
    # of Debian's, and the security archive lacks most source packages.
    path = uri.rstrip("/")
    return path.endswith("/debian") and "main" in components and bool(suites)


def _from_lines(text: str) -> Iterator[Mirror]:
    for line in text.splitlines():
        match = re.match(r"\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
        if not match:
            continue
        options, uri, suite, rest = match.groups()
        if _is_debian(uri, [suite], rest.partition("#")[0].split()):
            signed = re.search(r"signed-by=(\S+)", options or "", re.IGNORECASE)
            yield Mirror(uri=uri, signed_by=signed[1] if signed else "")


def _from_stanzas(text: str) -> Iterator[Mirror]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if fields.get("enabled", "yes").strip().lower() in {"no", "false", "0"}:
            continue
        suites, components = (fields.get(name, "").split() for name in ("suites", "components"))
        for uri in fields.get("uris", "").split():
            if _is_debian(uri, suites, components):
                yield Mirror(uri=uri, signed_by=fields.get("signed-by", "").strip())


def _fields(stanza: str) -> dict[str, str]:
    """One deb822 stanza: names in lower case, continuation lines joined, comments dropped."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


class _Client:
    """apt-get and apt-cache with state folders of our own, for one mirror."""

    def __init__(self, mirror: Mirror, log: Log) -> None:
        self.log = log
        self.state = cache.root() / "apt" / cache.content_key(mirror.uri, mirror.signed_by)
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        (self.state / "status").touch()
        options = f"[signed-by={self._key_file(mirror)}] " if self._key_file(mirror) else ""
        line = f"deb-src {options}{mirror.uri} {SUITE} main\n"
        (self.state / "sources.list").write_text(line)
        self.options = (
            *("-o", f"Dir::Etc::sourcelist={self.state / 'sources.list'}"),
            *("-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", f"Dir::State={self.state / 'state'}"),
            *("-o", f"Dir::State::lists={self.state / 'lists'}"),
            *("-o", f"Dir::State::status={self.state / 'status'}"),
            *("-o", f"Dir::Cache={self.state / 'cache'}"),
            *("-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none"),
        )

    def _key_file(self, mirror: Mirror) -> str:
        if mirror.signed_by.startswith("/"):
            # The full archive keyring also knows the key of a suite newer than the system.
            return str(KEYRING) if KEYRING.is_file() else mirror.signed_by
        if mirror.signed_by:
            block = "\n".join("" if line == "." else line for line in mirror.signed_by.split("\n"))
            (self.state / "key.asc").write_text(block + "\n")
            return str(self.state / "key.asc")
        return str(KEYRING) if KEYRING.is_file() else ""

    def get(self, source: Source, into: Path) -> str:
        """Download the source package's upstream archive; return the package's version."""
        if any((self.state / "lists").glob("*Sources*")):
            try:
                return self._get(source, into)
            except ToolError:
                pass  # the mirror has moved on since the lists were made
        self._run("apt-get", "update", "-q")
        return self._get(source, into)

    def _get(self, source: Source, into: Path) -> str:
        version = self.version_with(source)
        command = ("source", "-q", "--download-only", "--only-source", "--tar-only")
        self._run("apt-get", *command, f"{source.debian_package}={version}", cwd=into)
        return version

    def version_with(self, source: Source) -> str:
        """The newest version whose archive is ours; the table's when the client lists none.

        A point release replaces the packaging, not the upstream archive, so the version in the
        table may have left the mirror while the bytes are still there.
        """
        text = self._run("apt-cache", "showsrc", source.debian_package)
        version = ""
        for stanza in text.split("\n\n"):
            fields = _fields(stanza)
            if source.sha256 in fields.get("checksums-sha256", ""):
                version = fields.get("version", version)
        return version or source.debian_version

    def _run(self, tool: str, *arguments: str, cwd: Path | None = None) -> str:
        command = [tool, *self.options, *arguments]
        self.log.detail(f"  {shlex.join(arguments)}")
        return process.run(command, log=self.log, cwd=cwd, what=tool)
