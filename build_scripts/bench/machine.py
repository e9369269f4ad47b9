"""What the numbers were measured on, and what else it was doing. No names of hosts or folders."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from build_scripts import targets
from build_scripts.bench.pythons import AWSLAMBDARIC


def describe() -> dict[str, Any]:
    """The machine, for environment.json and the report."""
    info = _fields(Path("/proc/cpuinfo"))
    memory = _fields(Path("/proc/meminfo")).get("MemTotal", "0 kB")
    return {
        "cpu": info.get("model name") or info.get("CPU part", platform.machine()),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory.split()[0]) / 1e6, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "virtual": "hypervisor" in info.get("flags", "").split(),
        "governor": _governor(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
    }


def versions() -> dict[str, str]:
    return {
        "native-bootstrap": version("native-bootstrap"),
        "nuitka": version("nuitka"),
        "ziglang": version("ziglang"),
        "awslambdaric": AWSLAMBDARIC.partition("==")[2],
        "baseline": targets.host().cpu,
        "python": platform.python_version(),
    }


def _fields(file: Path) -> dict[str, str]:
    """`name : value` lines; of several with one name the first."""
    found: dict[str, str] = {}
    for line in file.read_text().splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found


def _governor() -> str:
    file = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return file.read_text().strip() if file.is_file() else "not told"


@dataclass
class Watch:
    """How busy the machine is besides: its load, and time that the hypervisor took."""

    before: tuple[float, float]

    @classmethod
    def begin(cls) -> Watch:
        return cls(_stolen())

    def row(self) -> dict[str, float]:
        """Since the last call."""
        stolen, total = _stolen()
        part = (stolen - self.before[0]) / max(1.0, total - self.before[1])
        self.before = (stolen, total)
        return {
            "load": round(os.getloadavg()[0], 2),
            "steal": round(part, 4),
            "at": round(time.time(), 2),
        }


def _stolen() -> tuple[float, float]:
    numbers = [float(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (numbers[7] if len(numbers) > 7 else 0.0), sum(numbers[:8])
