"""Why a machine allows no clean room, and what its owner can do about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from native_bootstrap.errors import CleanRoomError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {"root": "with this user's rights", "user": "in a user namespace"}
# Settings that close user namespaces to users: (file below /proc/sys, the value that does, a cure)
SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
)
CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
# What the engines withhold from containers, and the option that gives it. No capability is among
# it: a user namespace has its own. For seccomp and AppArmor the kernel says whether they are on.
SECCOMP = "--security-opt seccomp=unconfined"
APPARMOR = "--security-opt apparmor=unconfined"
PROC = "--security-opt unmask=ALL"
IN_DOCKER = "(docker says systempaths=unconfined for unmask=ALL)"
CAPABILITIES = "--cap-add SYS_ADMIN --cap-add NET_ADMIN"


def refusal(failures: Sequence[tuple[str, str, str]], root: Path = Path("/")) -> CleanRoomError:
    """The error for ``failures``: (way, step, what the system said) of each way that was tried."""
    reasons = [f"{NAMES[way]}: {step}: {error}" for way, step, error in failures]
    return CleanRoomError(
        "the clean room for the snapshot cannot be made here\n"
        + "\n".join(f"  {reason}" for reason in reasons),
        hint=", or ".join([*cures(root), "build with --snapshot off"]),
    )


def cures(root: Path = Path("/")) -> list[str]:
    """What would help on this machine, as far as it tells."""
    found = [
        f"run: {cure}"
        for name, closed, cure in SETTINGS
        if _setting(root / "proc/sys" / name) == closed
    ]
    if any((root / mark).exists() for mark in CONTAINER_MARKS):
        found.append(f"start the container with {_container_options(root)}")
    return found or ["build as root, or where user namespaces are allowed"]


def _setting(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


def _container_options(root: Path) -> str:
    """The engine's options that this container lacks."""
    process = root / "proc/self"
    found = []
    if re.search(r"^Seccomp:\s*[12]$", _setting(process / "status") or "", re.MULTILINE):
        found.append(SECCOMP)
    profile = (_setting(process / "attr/current") or "").strip("\0")
    if profile and not profile.startswith("unconfined") and "enforce" in profile:
        found.append(APPARMOR)
    # With a part of it covered, a user namespace may not mount a /proc of its own.
    mounts = (line.split() for line in (_setting(process / "mountinfo") or "").splitlines())
    if any(len(fields) > 4 and fields[4].startswith("/proc/") for fields in mounts):
        found += [PROC, IN_DOCKER]
    return " ".join(found or [CAPABILITIES])
