"""Extension modules in an image: what they had in memory is there, and as it was protected."""

from __future__ import annotations

import shutil

import lambda_like
import pytest
from support import FUNCTIONS, build_native
from test_extensions import Maker

from build_scripts import log, pack, targets
from build_scripts.toolchain import Toolchain

MEMORY = {128: 1, 10240: 6}  # MB, and the processors that they give


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    target = targets.host()
    maker = Maker(
        toolchain=Toolchain(target, folder / "zig"),
        found=pack.ensure(target, log=log.quiet()),
        scratch=folder,
    )
    source = FUNCTIONS / "kept"
    shutil.copytree(source, folder / "project", ignore=shutil.ignore_patterns("*.c", "__pycache__"))
    for name in ("kept", "late"):
        output = folder / f"project/{name}.cpython-313-{target.machine}-linux-musl.so"
        maker.link(output, "-z", "relro", maker.object(source / f"{name}.c"))
    options = ("--output", folder / "out", "--snapshot", "full", "--explain-snapshot")
    result = build_native("build", "app.handler", "--project", folder / "project", *options)
    assert result.status == 0, result.err
    return folder / "out", result


@pytest.fixture(scope="module")
def task(built, tmp_path_factory):
    return lambda_like.unpack(built[0], tmp_path_factory.mktemp("kept") / "task")


def start(task, megabytes: int, **environ: str) -> dict:
    variables = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes), **environ}
    run = lambda_like.run(task, [None], environ=variables)
    assert run.stderr == ""
    (answer,) = run.answers
    return answer


def test_a_module_comes_back(task):
    answer = start(task, 128)
    facts = answer["facts"]
    assert (facts["counter"], facts["own"], facts["large"], facts["empty"]) == (101, 6, 7, 0)
    assert (facts["name"], facts["mapped"]) == ("constants", "its own memory")
    assert answer["thread"] == 5  # thread-local variables begin anew
    assert answer["late"] == 3
    assert answer["rights"] == {
        "code": "r-xp",
        "names": "r--p",
        "data": "rw-p",
        "large": "rw-p",
        "mapped": "rw-p",
        "reserved": "---p",
    }
    assert answer["reserved"] == 3
    assert facts["key"] == start(task, 128)["facts"]["key"]


def test_it_has_seen_the_baseline(task):
    """No AVX-512, no RDRAND, one processor."""
    facts = start(task, 128)["facts"]
    assert facts["processors"] == 1
    assert facts["leaf7"] & (1 << 16 | 1 << 18) == 0
    assert facts["leaf1"] & 1 << 30 == 0
    if targets.host().machine == "x86_64":
        assert facts["leaf7"] & 1 << 5  # AVX2 of haswell


@pytest.mark.parametrize("megabytes", MEMORY)
def test_thread_pools_get_the_functions_share(task, megabytes):
    answer = start(task, megabytes)
    share = min(answer["processors"], MEMORY[megabytes])
    assert answer["facts"]["told"] == (share if share > 1 else 0)


def test_without_the_image(task):
    """The same module sees this machine, but for its share of the processors."""
    answer = start(task, 128, **lambda_like.NORMALLY)
    assert answer["facts"]["counter"] == 101
    assert answer["facts"]["processors"] == 1
    assert answer["facts"]["told"] == 0
    assert answer["rights"]["reserved"] == "---p"


def test_hash_keys_are_told(built):
    assert "kept draws the keys of its hash tables at import" in built[1].out + built[1].err
