"""Which shared objects the program can load, and what is said of the others."""

from __future__ import annotations

import random

import pytest
from wheels import make_elf

from build_scripts import elf_checks, targets
from build_scripts.modules import DataFile, shared_objects
from native_bootstrap.errors import NoUsableWheelError, SharedObjectError

X86 = targets.find("x86_64")
SO = "pkg/a.cpython-313-x86_64-linux-musl.so"


def check(folder, files, *, package="", tags=(), target=X86):
    found = []
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        found.append(DataFile(path=path, file=file))
    packages = dict.fromkeys(files, package) if package else {}
    objects = shared_objects(found, target.machine, packages)
    return elf_checks.check(objects, target, {package: tags})


def paths(checked):
    return [item.path for item in checked.sound]


def test_what_the_program_has_need_not_be_brought(tmp_path):
    # As in tests/inside/test_core.py, which asks the program.
    names = ("libc.musl-x86_64.so.1", "libc.so", "ld-musl-x86_64.so.1", "libz.so.1", "libm.so.6")
    names += ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so")
    names += ("libcrypt.so.1", "libpython3.so", "libpython3.13.so.1.0")
    checked = check(tmp_path, {SO: make_elf(needed=names)})
    assert (paths(checked), checked.warnings) == ([SO], ())


@pytest.mark.parametrize(
    "library",
    [
        {"pkg.libs/libx-1.so.3": make_elf()},
        {"pkg.libs/libother-2.so": make_elf(soname="libx-1.so.3")},
    ],
)
def test_libraries_are_found_by_file_name_and_by_soname(tmp_path, library):
    checked = check(tmp_path, {SO: make_elf(needed=("libx-1.so.3",)), **library})
    assert set(paths(checked)) == {SO, *library}


def test_libraries_may_need_each_other(tmp_path):
    files = {
        SO: make_elf(needed=("liba.so",)),
        "l/liba.so": make_elf(needed=("libb.so",)),
        "l/libb.so": make_elf(needed=("liba.so",)),
    }
    assert len(paths(check(tmp_path, files))) == 3


@pytest.mark.parametrize("library", ["libc.so.6", "libm.so.6", "libpthread.so.0"])
def test_glibc(tmp_path, library):
    versions = {"libgcc_s-1.so.1": "GLIBC_2.0", library: "GLIBC_2.17"}
    content = make_elf(needed=("libc.so", library), versions=versions)
    words = f"is built for glibc .it needs GLIBC_2.17 of {library}"
    with pytest.raises(SharedObjectError, match=words):
        check(tmp_path, {SO: content})


def test_names_of_glibc_do_not_make_one_for_glibc(tmp_path):
    """libgcc_s on arm64 has a version of that name; libddwaf is built for both."""
    versions = {"libgcc_s-1.so.1": "GLIBC_2.0"}
    files = {SO: make_elf(needed=("libc.so.6", "libgcc_s-1.so.1"), versions=versions)}
    files["l/libgcc_s-1.so.1"] = make_elf()
    assert paths(check(tmp_path, files)) == [SO, "l/libgcc_s-1.so.1"][::-1]


@pytest.mark.parametrize("name", ["libresolv.so.2", "ld-linux-x86-64.so.2", "libutil.so"])
def test_other_libraries_of_glibc_are_missing(tmp_path, name):
    with pytest.raises(SharedObjectError, match=f"needs {name}, which nobody brings along"):
        check(tmp_path, {SO: make_elf(needed=(name,))})


def test_what_needs_a_bad_library_is_bad(tmp_path):
    files = {
        SO: make_elf(needed=("liba.so",)),
        "l/liba.so": make_elf(needed=("libb.so",)),
        "l/libb.so": make_elf()[:-9],
    }
    with pytest.raises(NoUsableWheelError) as caught:
        check(tmp_path, files, package="pkg 1.0")
    first, *rest = caught.value.message.splitlines()
    assert first.startswith(
        f"pkg 1.0: {SO} needs l/liba.so, which needs l/libb.so, which is cut off: it has "
    )
    assert rest == []


def test_a_library_that_nobody_needs_may_be_bad(tmp_path):
    files = {
        SO: make_elf(),
        "pkg/data/linker-script.so": b"GROUP ( libx.a )",
        "l/libb.so": b"\x7fELF",
    }
    checked = check(tmp_path, files)
    assert paths(checked) == [SO]
    assert [warning.partition(" is ")[0] for warning in checked.warnings] == [
        "l/libb.so",
        "pkg/data/linker-script.so",
    ]


def test_a_missing_library_of_a_musllinux_wheel_is_only_a_warning(tmp_path):
    """What its maker left out on purpose, such as a driver's: the import will tell."""
    files = {SO: make_elf(needed=("libcuda.so.1",))}
    checked = check(tmp_path, files, package="pkg 1.0", tags=["cp313-cp313-musllinux_1_2_x86_64"])
    assert paths(checked) == [SO]
    assert checked.warnings == (
        f"pkg 1.0: {SO} needs libcuda.so.1, which nobody brings along: loading it will fail",
    )
    with pytest.raises(NoUsableWheelError, match=r"libcuda\.so\.1"):
        check(tmp_path, files, package="pkg 1.0", tags=["cp313-cp313-linux_x86_64"])


def test_a_plain_name_is_an_extension_module_if_it_can_be_initialised(tmp_path):
    broken = {"machine": 183}
    checked = check(tmp_path, {"pkg/lib.so": make_elf(**broken)})
    assert checked.warnings == (
        "pkg/lib.so is for aarch64, the function runs on x86_64: it stays a file",
    )
    with pytest.raises(SharedObjectError, match=r"pkg/lib\.so is for aarch64"):
        check(tmp_path, {"pkg/lib.so": make_elf(symbols=("PyInit_lib",), **broken)})


def test_many_bad_ones_are_counted(tmp_path):
    files = {f"pkg/m{n}.abi3.so": make_elf(machine=3) for n in range(8)}
    with pytest.raises(SharedObjectError) as caught:
        check(tmp_path, files)
    assert "m2.abi3.so is for i386" in caught.value.message
    assert caught.value.message.endswith("and 5 more")
    assert "--exclude pkg/m0.abi3.so" in caught.value.hint


def test_no_shared_object_at_all(tmp_path):
    with pytest.raises(SharedObjectError, match="no shared object"):
        check(tmp_path, {SO: make_elf(kind=2)})


def test_broken_files_never_crash(tmp_path):
    """Each cut, and thousands of files with some bytes changed: facts or a problem."""
    whole = make_elf(symbols=("PyInit_a",), needed=("liba.so",), soname="libx.so")
    file = tmp_path / "x.so"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert elf_checks.read(file, X86).problem
    chance = random.Random(7)
    problems = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(4, len(data))] = chance.choice((0, 1, 127, 255))
        file.write_bytes(data)
        problems += bool(elf_checks.read(file, X86).problem)
    assert 60 < problems < 600
