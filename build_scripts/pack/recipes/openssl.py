"""OpenSSL by its own Configure (perl) and make, assembler code included."""

from __future__ import annotations

import shutil

from build_scripts.pack.recipes import Site
from build_scripts.toolchain import CODE_FLAGS, jobs

SOURCES = ("openssl",)
NEEDS: tuple[str, ...] = ()
MACHINES = {"x86_64": "linux-x86_64", "arm64": "linux-aarch64"}
OPTIONS = (
    # No shared objects anywhere, and nothing that is not the two libraries.
    *("no-shared", "no-pic", "no-tests", "no-apps", "no-docs", "no-module", "no-dso", "no-engine"),
    # The legacy provider would be a module; these are what lives in it.
    *("no-legacy", "no-bf", "no-cast", "no-idea", "no-md4", "no-mdc2", "no-rc2", "no-rc4"),
    *("no-rc5", "no-seed", "no-whirlpool"),
    # Not reachable from CPython's ssl and hashlib: a fifth of the compile time.
    *("no-comp", "no-quic", "no-dtls", "no-srp", "no-cmp"),
)


def build(site: Site) -> None:
    tree = site.unpack("openssl")
    env = site.toolchain.env(**site.toolchain.wrappers())
    site.run(
        *("./Configure", MACHINES[site.arch], *OPTIONS),
        *("--prefix=/usr", "--libdir=lib", "--openssldir=/etc/ssl"),
        *("-O2", *CODE_FLAGS, "-Wno-date-time"),
        cwd=tree,
        env=env,
        what="configuring OpenSSL",
    )
    site.run("make", f"-j{jobs()}", "build_libs", cwd=tree, env=env, what="compiling OpenSSL")
    (site.out / "lib").mkdir(parents=True)
    for name in ("libssl.a", "libcrypto.a"):
        shutil.copyfile(tree / name, site.out / "lib" / name)
    headers = shutil.ignore_patterns("*.in", "__DECC_*")
    shutil.copytree(tree / "include" / "openssl", site.out / "include" / "openssl", ignore=headers)
