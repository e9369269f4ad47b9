"""Unit tests touch neither the network nor other programs."""

from __future__ import annotations

import socket
import subprocess

import pytest


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def local_only(request, monkeypatch):
    """Connections beyond this machine fail; so do subprocesses, unless marked ``subprocesses``."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a unit test connects to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    if "subprocesses" not in request.keywords:

        def refused(self, command, *args, **kwargs):
            raise AssertionError(f"a unit test runs {command}")

        monkeypatch.setattr(subprocess.Popen, "__init__", refused)
