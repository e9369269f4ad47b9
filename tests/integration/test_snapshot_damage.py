"""A damaged image, the wrong one, or a place where it cannot be used: the right answer anyway.

Until the point of no return the program can start as if it had no image, and says in one line why
it does. It never crashes, never hangs, and never answers anything else.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lambda_like
import pytest

from build_scripts.snapshot import image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = int(os.environ.get("NB_TEST_SEED", "0"))
FLIPS = int(os.environ.get("NB_TEST_FLIPS", "60"))
EVENTS = [{"do": "echo", "value": "ü"}, {"do": "echo", "value": [2]}]
ECHOES = ["ü", [2]]
OPTIONS = ("--code", "bytecode", "--snapshot", "full")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A bootstrap's bytes, and where its image and the parts of it are."""

    data: bytes
    slot: int
    start: int  # of the header
    tables: int  # length of header and tables
    reads: int
    maps: int

    @classmethod
    def of(cls, data: bytes) -> Layout:
        slot = data.index(image.SLOT_MAGIC)
        start = image.SLOT.unpack_from(data, slot)[2]
        assert start > 0, "the program has no image"
        header = image.HEADER.unpack_from(data, start)
        first_map = image.MAP.unpack_from(data, start + header[13])
        return cls(
            data=data,
            slot=slot,
            start=start,
            tables=header[4],
            reads=header[5],
            maps=first_map[2],
        )

    def with_header(self, **changes: int | bytes) -> bytes:
        """With other fields in the header, whose checksum is right for them."""
        names = ("magic", "check", "program", "file_length", "tables_length", "reads_offset")
        names += ("heap_base", "heap_top", "page_size", "map_count", "read_count")
        names += ("early_reads", "guard_count", "maps", "reads", "guards")
        fields = dict(zip(names, image.HEADER.unpack_from(self.data, self.start), strict=True))
        fields.update(changes)  # type: ignore[arg-type]
        return self.with_tables(image.HEADER.pack(*fields.values()))

    def with_tables(self, changed: bytes, at: int = 0) -> bytes:
        """With other bytes in header and tables from ``at`` on, and the checksum for them."""
        tables = bytearray(self.data[self.start : self.start + self.tables])
        tables[at : at + len(changed)] = changed
        tables[8:16] = image.check(bytes(tables[16:])).to_bytes(8, "little")
        return self.data[: self.start] + tables + self.data[self.start + self.tables :]


@pytest.fixture(scope="module")
def task(built, tmp_path_factory) -> Path:
    output = built("sample", "app.handler", *OPTIONS)
    return lambda_like.unpack(output, tmp_path_factory.mktemp("damage") / "task")


@pytest.fixture(scope="module")
def layout(task) -> Layout:
    return Layout.of((task / "bootstrap").read_bytes())


@pytest.fixture(scope="module")
def start_with(task, tmp_path_factory) -> Iterator[Callable[..., lambda_like.Run]]:
    """``start_with(data)``: run the function with these bytes as its program."""
    folder = tmp_path_factory.mktemp("damage") / "changed"
    shutil.copytree(task, folder)

    def run(data: bytes, **options: object) -> lambda_like.Run:
        (folder / "bootstrap").unlink(missing_ok=True)
        (folder / "bootstrap").write_bytes(data)
        (folder / "bootstrap").chmod(0o755)
        return lambda_like.run(folder, EVENTS, **options)  # type: ignore[arg-type]

    yield run
    shutil.rmtree(folder)


def assert_answers(run: lambda_like.Run) -> None:
    assert [answer.get("echo") for answer in run.answers] == ECHOES, (run.exit_code, run.stderr)


def assert_normal(run: lambda_like.Run, *words: str) -> None:
    """The right answer without the image, and one line that says why."""
    assert_answers(run)
    assert len(run.stderr.splitlines()) == 1, run.stderr
    assert len(run.normal) == 1, run.stderr
    for word in words:
        assert word in run.normal[0]


def test_undamaged(layout, start_with):
    run = start_with(layout.data)
    assert_answers(run)
    assert run.stderr == ""


# ---- truncated ----


PLACES = {
    "at the header": lambda here: here.start,
    "one byte of the header": lambda here: here.start + 1,
    "half a header": lambda here: here.start + image.HEADER.size // 2,
    "the header": lambda here: here.start + image.HEADER.size,
    "half the tables": lambda here: here.start + here.tables // 2,
    "the tables": lambda here: here.start + here.tables,
    "before the hot pages": lambda here: here.reads,
    "a page of them": lambda here: min(here.reads + 4096, here.maps),
    "before the ranges": lambda here: here.maps,
    "in the middle": lambda here: (here.maps + len(here.data)) // 2,
    "a page short": lambda here: len(here.data) - 4096,
    "a byte short": lambda here: len(here.data) - 1,
}


@pytest.mark.parametrize("place", PLACES)
def test_truncated(layout, start_with, place):
    assert_normal(start_with(layout.data[: PLACES[place](layout)]), "damaged or incomplete")


def test_with_something_behind_it(layout, start_with):
    """A page more, as of another tool that writes to the end of programs."""
    assert_normal(start_with(layout.data + bytes(4096)), "damaged or incomplete")


@pytest.mark.parametrize("place", ["header", "tables", "image"])
def test_zeroed(layout, start_with, place):
    ends = {"header": layout.start + image.HEADER.size, "tables": layout.start + layout.tables}
    end = ends.get(place, len(layout.data))
    zeros = bytes(end - layout.start)
    assert_normal(start_with(layout.data[: layout.start] + zeros + layout.data[end:]), "damaged")


# ---- single bits ----


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_bit_of_the_header(layout, start_with):
    """Not quite: one of each byte, another one each time."""
    chosen = random.Random(SEED)
    for byte in range(image.HEADER.size):
        bit = 8 * (layout.start + byte) + chosen.randrange(8)
        assert_normal(start_with(flipped(layout.data, bit)))


def test_bits_of_the_tables(layout, start_with):
    chosen = random.Random(SEED)
    first, last = layout.start + image.HEADER.size, layout.start + layout.tables
    for _ in range(FLIPS):
        bit = chosen.randrange(8 * first, 8 * last)
        assert_normal(start_with(flipped(layout.data, bit)), "damaged")


def test_bits_of_the_slot(layout, start_with):
    """Its magic is for the build only; the rest leads nowhere else."""
    chosen = random.Random(SEED)
    for byte in range(16, image.SLOT.size):
        bit = 8 * (layout.slot + byte) + chosen.randrange(8)
        assert_normal(start_with(flipped(layout.data, bit)))


def test_no_image(layout, start_with):
    """What an interrupted build would leave at worst: an image that no slot points to."""
    slot = bytearray(layout.data[layout.slot : layout.slot + image.SLOT.size])
    slot[16:] = bytes(len(slot) - 16)
    end = layout.slot + len(slot)
    run = start_with(layout.data[: layout.slot] + slot + layout.data[end:])
    assert_answers(run)
    assert run.stderr == ""


# ---- a header that is right in itself ----


WRONG = {
    "another page size": {"page_size": 65536},
    "a heap elsewhere": {"heap_base": 0x1000},
    "a heap without end": {"heap_top": 1 << 62},
    "an empty heap": {"heap_top": 0},
    "too many maps": {"map_count": 0xFFFF},
    "too many reads": {"read_count": 0xFFFFFF},
    "more hot pages of the heap than hot pages": {"early_reads": 0xFFFF},
    "too many guards": {"guard_count": 0xFFFFFFFF},
    "maps outside": {"maps": 0xFFFFFFF8},
    "maps askew": {"maps": 4},
    "guards outside": {"guards": 1 << 20},
    "hot pages outside": {"reads_offset": 1 << 50},
    "tables too long": {"tables_length": 1 << 40},
    "no tables": {"tables_length": 0},
    "another file": {"file_length": 5},
    "no magic": {"magic": 0},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_header_that_means_nothing(layout, start_with, wrong):
    fields = WRONG[wrong]
    if wrong == "too many reads" and layout.reads == layout.maps:
        fields = {"read_count": 0xFFFFFF, "early_reads": 0xFFFFFF}
    assert_normal(start_with(layout.with_header(**fields)))


@pytest.mark.parametrize(
    ("address", "length"),
    [
        (0x400000, 4096),  # the program's own code
        (0, 4096),
        (0x7FFFFFFFE000, 4096),  # where the stack may be
        (1 << 63, 4096),
        (None, 1 << 40),
        (None, 0),
        (None, 100),
    ],
)
def test_a_range_outside(layout, start_with, address, length):
    """Nothing is mapped where the image may not put anything."""
    at = image.HEADER.unpack_from(layout.data, layout.start)[13]
    old = image.MAP.unpack_from(layout.data, layout.start + at)
    changed = image.MAP.pack(old[0] if address is None else address, length, *old[2:])
    assert_normal(start_with(layout.with_tables(changed, at)), "damaged")


@pytest.mark.parametrize(
    ("offset", "protection"),
    [
        (0, 3),  # the program's code, writable
        (None, 1),  # what the program writes to, read-only
        (None, 7),
        (None, 0),
        (2**64 - 1, 3),  # nothing at all
    ],
)
def test_memory_of_another_kind(layout, start_with, offset, protection):
    at = image.HEADER.unpack_from(layout.data, layout.start)[13]
    old = image.MAP.unpack_from(layout.data, layout.start + at)
    changed = image.MAP.pack(*old[:2], old[2] if offset is None else offset, protection)
    assert_normal(start_with(layout.with_tables(changed, at)), "damaged")


def test_the_image_of_another_program(layout, start_with, built, tmp_path):
    """In the right place and complete, but made by a program with other code."""
    other = built("restored", "app.handler", *OPTIONS)
    donor = Layout.of((lambda_like.unpack(other, tmp_path / "other") / "bootstrap").read_bytes())
    moved = layout.data[: layout.start] + donor.data[donor.start :]
    taken = dataclasses.replace(donor, data=moved, start=layout.start)
    assert_normal(start_with(taken.with_header(file_length=len(moved))), "another program")


# ---- where it runs ----


@pytest.mark.parametrize("kind", ["as", "data"])
@pytest.mark.parametrize("megabytes", [96, 128, 160, 256, 512, 1024, 8192, 100_000])
def test_little_address_space(layout, start_with, kind, megabytes):
    """Used or not used: what counts is that the answer comes, or one line that says why not."""
    prefix = ["prlimit", f"--{kind}={megabytes << 20}", "env"]
    run = start_with(layout.data, prefix=prefix)
    plain = start_with(layout.data, prefix=prefix, environ=lambda_like.NORMALLY)
    if run.replies:
        assert_answers(run)
        assert len(run.stderr.splitlines()) == len(run.normal) <= 1
    else:  # then it was too little for the plain program, too
        assert plain.replies == ()
        assert run.exit_code == plain.exit_code == 1
        assert run.stderr.splitlines()[-1].startswith("native-bootstrap: ")
    assert megabytes < 512 or run.replies


def test_a_small_stack(layout, start_with):
    assert_answers(start_with(layout.data, prefix=["prlimit", "--stack=262144", "env"]))


def test_an_unlimited_stack(layout, start_with):
    """The kernel lays out the address space the other way round then."""
    run = start_with(layout.data, prefix=["prlimit", "--stack=unlimited", "env"])
    assert_answers(run)
    assert run.normal == []


def test_addresses_that_are_not_random(layout, start_with):
    run = start_with(layout.data, prefix=["setarch", os.uname().machine, "-R"])
    assert_answers(run)
    assert run.normal == []


def test_few_descriptors(layout, start_with):
    run = start_with(layout.data, prefix=["prlimit", "--nofile=8", "env"])
    assert_answers(run)
    assert run.normal == []


def test_closed_standard_streams(task):
    """0, 1 and 2 are free numbers then, and the program's own file must not become one."""
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        prefix = ["sh", "-c", f'exec "$@" {closed}', "sh"]
        run = lambda_like.run(task, EVENTS, prefix=prefix)
        plain = lambda_like.run(task, EVENTS, prefix=prefix, environ=lambda_like.NORMALLY)
        assert (run.answers and [a.get("echo") for a in run.answers]) == ECHOES, run
        assert [a.get("echo") for a in plain.answers] == ECHOES
        assert run.user_stderr == ""


@pytest.mark.parametrize("hidden", ["/proc", "/dev", "/sys"])
def test_without(task, hidden):
    """Nothing of /proc, /dev or /sys is needed."""
    script = f'mount -t tmpfs none {hidden} && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if os.geteuid() != 0:
        pytest.skip("hiding a folder takes another mount, which takes root")
    run = lambda_like.run(task, EVENTS, prefix=prefix)
    assert_answers(run)
    assert run.stderr == ""


def test_a_file_system_that_is_read_only(task):
    script = 'mount -o remount,bind,ro /var/task && cd / && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if os.geteuid() != 0:
        pytest.skip("another mount takes root")
    run = lambda_like.run(task, EVENTS, prefix=prefix)
    assert_answers(run)
    assert run.stderr == ""


def test_a_copy_on_another_file_system(task):
    """tmpfs: no block device behind the pages that are mapped."""
    script = 'cp /var/task/bootstrap /var/tmp/b && exec "$@"'
    run = lambda_like.run(
        task, EVENTS, prefix=["sh", "-c", script, "sh"], program=["/var/tmp/b", "app.handler"]
    )
    assert_answers(run)
    assert run.stderr == ""


def test_from_a_file_system_where_nothing_may_be_executed(task):
    """The kernel refuses, and the image has no part in it."""
    if os.geteuid() != 0:
        pytest.skip("another mount takes root")
    script = 'mount -o remount,bind,noexec /var/task; exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, "sh"]
    run = lambda_like.run(task, EVENTS, prefix=prefix)
    assert run.replies == ()
    assert run.exit_code == 126


def test_a_program_that_may_not_be_read(task, tmp_path):
    """Executable, but its own file cannot be opened: then the kernel's mapping is all there is."""
    if os.geteuid() != 0:
        pytest.skip("another user takes root")
    folder = tmp_path / "task"
    shutil.copytree(task, folder)
    (folder / "bootstrap").chmod(0o711)
    for parent in (folder, tmp_path):
        parent.chmod(0o755)
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    assert_normal(lambda_like.run(folder, EVENTS, prefix=prefix), "cannot be opened")


# ---- how it is started ----


NAMES = {
    "absolute": ["/var/task/bootstrap"],
    "relative": ["./bootstrap"],
    "with a detour": ["/var/../var/task/./bootstrap"],
    "by a link": ["/var/tmp/link"],
    "by a hard link": ["/var/task/hard"],
    "on the path": ["env", "PATH=/var/task:/usr/bin:/bin", "bootstrap"],
    "another name": ["sh", "-c", "exec -a python3 /var/task/bootstrap"],
    "no name": ["sh", "-c", "exec -a '' /var/task/bootstrap"],
    "a name of a folder": ["sh", "-c", "exec -a /var/task /var/task/bootstrap"],
    "a long name": ["sh", "-c", f"exec -a {'x' * 5000} /var/task/bootstrap"],
    "with the handler": ["/var/task/bootstrap", "app.handler"],
}


@pytest.mark.parametrize("name", NAMES)
def test_started_as(task, tmp_path, name):
    """The name that it is started with is no part of what it is."""
    folder = tmp_path / "task"
    shutil.copytree(task, folder)
    os.link(folder / "bootstrap", folder / "hard")
    command = NAMES[name]
    if command[0] == "sh":
        command = ["bash", *command[1:]]  # for exec -a
    link = ["sh", "-c", 'ln -s /var/task/bootstrap /var/tmp/link && exec "$@"', "sh"]
    run = lambda_like.run(folder, EVENTS, prefix=link, program=command)
    assert_answers(run)
    assert run.stderr == ""


LAUNCHERS = {
    "no arguments at all": (
        "import ctypes; c = ctypes.CDLL(None); c.execv(program.encode(), (ctypes.c_char_p * 1)())"
    ),
    "by its descriptor": "os.execve(os.open(program, os.O_RDONLY), ['x'], os.environ)",
    "from memory": (
        "fd = os.memfd_create('x'); os.sendfile(fd, os.open(program, os.O_RDONLY), 0, 1 << 30);"
        "os.execve(fd, ['x'], os.environ)"
    ),
    "after its file is gone": (
        "import shutil; shutil.copy(program, '/var/tmp/gone');"
        "fd = os.open('/var/tmp/gone', os.O_RDONLY); os.unlink('/var/tmp/gone');"
        "os.execve(fd, ['x'], os.environ)"
    ),
    "with signals blocked": (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32));"
        "os.execve(program, ['x'], os.environ)"
    ),
    "with a thousand variables": (
        "os.environ.update({f'CHECK_{n}': 'x' * 100 for n in range(1000)});"
        "os.execve(program, ['x'], os.environ)"
    ),
    "with variables that are none": (
        "import ctypes; c = ctypes.CDLL(None);"
        "api = f\"AWS_LAMBDA_RUNTIME_API={os.environ['AWS_LAMBDA_RUNTIME_API']}\".encode();"
        "env = (ctypes.c_char_p * 7)(b'', b'=', b'NOEQUALS', b'=x=y', b'A\\xff=\\xfe', api, None);"
        "argv = (ctypes.c_char_p * 2)(b'x', None);"
        "c.execve(program.encode(), argv, env); raise OSError(ctypes.get_errno())"
    ),
}


@pytest.mark.parametrize("how", LAUNCHERS)
def test_launched(task, how):
    code = f"import os; program = '/var/task/bootstrap'; {LAUNCHERS[how]}"
    run = lambda_like.run(task, EVENTS, program=["/usr/bin/env", "python3", "-c", code])
    assert_answers(run)
    assert run.stderr == ""


def test_as_process_1(task):
    run = lambda_like.run(task, EVENTS, namespaces=lambda_like.PID_1)
    assert_answers(run)
    assert run.stderr == ""


def test_under_a_tracer(task):
    """Another way to enter the program than the kernel's own: nothing may depend on timing."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    run = lambda_like.run(task, EVENTS, prefix=["strace", "-f", "-o", "/dev/null"])
    assert_answers(run)
    assert run.stderr == ""


def test_as_python_it_is_no_function(task):
    """What multiprocessing starts must not begin in the middle of the function."""
    done = subprocess.run(
        [task / "bootstrap", "-c", "import sys; print('app' in sys.modules)"],
        capture_output=True,
        check=True,
        env={},
    )
    assert (done.stdout, done.stderr) == (b"False\n", b"")


def test_another_handler_than_the_image_s(task):
    """The image has one handler's module; another one is imported as ever."""
    for environ, arguments in (({}, ["broken.handler"]), ({"_HANDLER": "broken.handler"}, [])):
        program = [f"{lambda_like.TASK}/bootstrap", *arguments]
        run = lambda_like.run(task, EVENTS, environ=environ, program=program)
        plain = lambda_like.run(
            task, EVENTS, environ={**environ, **lambda_like.NORMALLY}, program=program
        )
        assert run.answers == plain.answers
        assert list(run.answers[0]) == ["init/error"]
        assert run.exit_code == plain.exit_code == 1


def test_no_runtime_api(task):
    """Nobody to talk to: the same line and exit code as ever."""
    found = []
    for environ in ({}, lambda_like.NORMALLY):
        given = {"AWS_LAMBDA_RUNTIME_API": "", **environ}
        run = lambda_like.run(task, EVENTS, environ=given)
        found.append((run.exit_code, run.stderr))
    assert found[0] == found[1]
    assert found[0][0] == 1


def test_written_while_it_runs(task, tmp_path):
    """Its file cannot be overwritten under a running program (and pages are not shared with it)."""
    folder = tmp_path / "task"
    shutil.copytree(task, folder)
    with lambda_like.serve(EVENTS) as api:
        variables = [f"{k}={v}" for k, v in lambda_like.environment(api, {}).items()]
        process = subprocess.Popen(
            [*lambda_like.at_var_task(folder), *variables, "/var/task/bootstrap"],
            start_new_session=True,
        )
        try:
            assert lambda_like.wait(process, api) is None
            with pytest.raises(OSError, match="busy") as caught:
                (folder / "bootstrap").open("r+b")
            assert caught.value.errno == errno.ETXTBSY
        finally:
            lambda_like.kill_group(process)
