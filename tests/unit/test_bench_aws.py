"""REPORT lines as Lambda writes them, and what a run on AWS would make."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from build_scripts.bench import aws_command, aws_lines, matrix
from build_scripts.bench.aws import function_name
from build_scripts.bench.aws_lines import Report
from native_bootstrap.errors import UsageError

COLD = (
    "REPORT RequestId: 8f5a1a0b-6d0e-4f3b-9e6a-0c1f5b7a2d11\tDuration: 1.72 ms\t"
    "Billed Duration: 103 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
    "Init Duration: 100.41 ms\t"
)
WARM = (
    "REPORT RequestId: 1c2d3e4f-0a1b-4c5d-8e9f-a0b1c2d3e4f5\tDuration: 1.18 ms\t"
    "Billed Duration: 2 ms\tMemory Size: 1769 MB\tMax Memory Used: 36 MB\t"
)
RESTORED = (
    "REPORT RequestId: 1c2d3e4f-0a1b-4c5d-8e9f-a0b1c2d3e4f5\tDuration: 5.00 ms\t"
    "Billed Duration: 320 ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB\t"
    "Restore Duration: 295.10 ms\tBilled Restore Duration: 120 ms\t\n"
)
TIMED_OUT = (
    "REPORT RequestId: 1c2d3e4f-0a1b-4c5d-8e9f-a0b1c2d3e4f5\tDuration: 3000.00 ms\t"
    "Billed Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: timeout"
)
DIED = (
    "REPORT RequestId: 1c2d3e4f-0a1b-4c5d-8e9f-a0b1c2d3e4f5\tDuration: 12.00 ms\t"
    "Billed Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 10 MB\t"
    "Status: error\tError Type: Runtime.ExitError\n"
)
TRACED = COLD + (
    "\nXRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\t"
    "SegmentId: 07f5xmpl2d1f6f85\tSampled: true\t"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (COLD, Report(duration=1.72, billed=103, memory=128, max_memory=36, init=100.41)),
        (TRACED, Report(duration=1.72, billed=103, memory=128, max_memory=36, init=100.41)),
        (WARM, Report(duration=1.18, billed=2, memory=1769, max_memory=36)),
        (RESTORED, Report(duration=5, billed=320, memory=512, max_memory=90, init=295.1)),
        (
            TIMED_OUT,
            Report(duration=3000, billed=3000, memory=128, max_memory=36, problem="timeout"),
        ),
        (
            DIED,
            Report(
                duration=12, billed=13, memory=128, max_memory=10, problem="error Runtime.ExitError"
            ),
        ),
        ("END RequestId: 8f5a1a0b-6d0e-4f3b-9e6a-0c1f5b7a2d11", None),
        ("REPORT RequestId: 8f5a1a0b", None),
        ("", None),
    ],
)
def test_report_lines(line, expected):
    assert aws_lines.parse(line) == expected


def test_the_tail_of_a_log():
    """4 KB of it: the function's own lines may begin in the middle and be no UTF-8 there."""
    text = b"\xbc cut\nREPORT of mine\nEND RequestId: 1\n" + COLD.encode() + b"\n"
    found = aws_lines.from_tail(base64.b64encode(text).decode())
    assert found is not None
    assert found.init == 100.41
    assert aws_lines.from_tail("") is None


def test_names_fit():
    name = function_name("nb-bench-0123abcd-", "kernels.json-100k", "native+snapshot", 1769)
    assert name == "nb-bench-0123abcd-kernels-json-100k-native-snapshot-1769"
    assert len(function_name("nb-bench-0123abcd-", "w" * 80)) == 64


def test_what_cannot_be_deployed_is_not_planned():
    found = matrix.load().choose(["interpreted", "limit"], ["hello", "table"])
    assert [(w.name, c.name, m) for w, c, m in aws_command.plan(found)] == [
        ("hello", "limit", memory) for memory in (128, 512, 1024, 1769)
    ]
    with pytest.raises(UsageError, match="needs a memory size"):
        aws_command.plan(dataclasses.replace(found, memory=()))
