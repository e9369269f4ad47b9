"""The tests of tests/inside, run by the pack's own Python; for arm64 under qemu-user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme
import tzdata

from build_scripts import pack, targets
from build_scripts.log import Log

INSIDE = Path(__file__).parents[1] / "inside"
TIMEOUT = 900  # seconds; under qemu the processes module takes minutes
ENOUGH = 6  # tests in every module; guards against a discovery that finds nothing


def runnable(python: Path, target: targets.Target, folder: Path) -> Path:
    """``python`` itself, or a script that runs it under qemu; skips when there is no qemu.

    The script stands in a tree like the pack's and passes its own name as argv[0]. So Python finds
    its library, and takes the script for sys.executable: children start through it as well, without
    anything registered in the kernel (binfmt_misc).
    """
    if target == targets.host():
        return python
    names = (f"qemu-{target.machine}-static", f"qemu-{target.machine}")
    qemu = next(filter(None, map(shutil.which, names)), None)
    if qemu is None:
        pytest.skip(f"programs for {target.arch} need qemu-user, which is not installed")
    script = folder / "root" / "bin" / python.name
    script.parent.mkdir(parents=True)
    cpu = " -cpu neoverse-n1" if target.arch == "arm64" else ""
    script.write_text(f'#!/bin/sh\nexec "{qemu}"{cpu} -0 "$0" "{python}" "$@"\n')
    script.chmod(0o755)
    (folder / "root" / "lib").symlink_to(python.parents[1] / "lib")
    return script


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder


@pytest.mark.parametrize("arch", list(targets.TARGETS))
@pytest.mark.parametrize("module", sorted(path.stem for path in INSIDE.glob("test_*.py")))
def test_inside(arch, module, certificates, tmp_path):
    target = targets.find(arch)
    python = runnable(pack.ensure(target, log=Log()).python, target, tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    package = Path(tzdata.__file__).parent
    (site / "tzdata").symlink_to(package)
    (metadata,) = package.parent.glob("tzdata-*.dist-info")
    (site / metadata.name).symlink_to(metadata)
    done = subprocess.run(
        [python, "-m", "unittest", "-v", module],
        cwd=INSIDE,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NB_INSIDE_CERTIFICATES": str(certificates),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert ran
    assert int(ran[1]) >= ENOUGH
