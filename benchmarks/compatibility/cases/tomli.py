"""Reads TOML."""

import tomli

EXPECTED = {"a": {"b": [1, 2.5, True]}, "day": "2026-01-02"}


def use():
    found = tomli.loads("day = 2026-01-02\n[a]\nb = [1, 2.5, true]\n")
    return {**found, "day": found["day"].isoformat()}
