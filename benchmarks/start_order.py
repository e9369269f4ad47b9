"""Which of a program's functions run at a start: the list that the linker puts them together by.

    python benchmarks/start_order.py FOLDER > build_scripts/resources/start-order.txt

FOLDER is the output of a build with a snapshot (for example of examples/hello), for x86_64.

They then lie together instead of all over the program: a start has fewer page faults
(examples/hello: 17 of 236, and 5 % of the time until it asks for the first event), and reads less
of a file that is not in memory yet. qemu-user translates every
block of instructions once, before it runs for the first time, and says so; so the list is complete,
in the order of first use, and the same at every run. A name that a program does not have does no
harm, one that is missing costs a page fault at most.
"""

from __future__ import annotations

import bisect
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

from build_scripts.snapshot.variables import FIXED

TIME_LIMIT = 120.0  # seconds
EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4542409706888\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-2:123456789012:function:shop\r\n"
    b'Content-Length: 17\r\n\r\n{"name": "world"}'
)
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
# A function that does not exist.
FUNCTION = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
}
OF_USERS = re.compile(r"impl_(?!native_bootstrap)|_?modulecode_(?!native_bootstrap)")


def run(program: Path, log: Path) -> None:
    """One start and one event; the translated blocks go to ``log``."""
    qemu = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if qemu is None:
        sys.exit("qemu-user is not installed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIME_LIMIT)
        host, port = server.getsockname()
        child = subprocess.Popen(
            [qemu, "-cpu", "max", "-d", "in_asm", "-D", log, program],
            env={**FIXED, **FUNCTION, "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            asked = 0
            while asked < 2:
                asked += serve(server)
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()


def serve(server: socket.socket) -> int:
    """One connection, until it is closed or asks for the second event; how often it has asked."""
    asked = 0
    connection, _ = server.accept()
    with connection:
        connection.settimeout(TIME_LIMIT)
        while asked < 2:
            data = connection.recv(1 << 20)
            if not data:
                break
            if b"/next" in data:
                asked += 1
                connection.sendall(EVENT if asked == 1 else b"")
            elif b"/response" in data or b"/error" in data:
                assert b"/error" not in data, data
                connection.sendall(TAKEN)
    return asked


def functions(program: Path) -> dict[int, str]:
    """Names by address; of several at one address any."""
    with program.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        found = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"]
        return {s["st_value"]: s.name for s in found}


def order(log: Path, names: dict[int, str]) -> list[str]:
    """The functions that ran, in the order of their first instruction."""
    starts = sorted(names)
    seen: dict[str, None] = {}
    for address in re.findall(r"^0x([0-9a-f]+):", log.read_text(), re.MULTILINE):
        index = bisect.bisect_right(starts, int(address, 16)) - 1
        if index >= 0:
            seen[names[starts[index]]] = None
    return [name for name in seen if not OF_USERS.match(name)]


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        run(folder / "bootstrap", log)
        found = order(log, functions(folder / "bootstrap.debug"))
    print("# The functions that run at a start, made by benchmarks/start_order.py.")
    print("\n".join(found))


if __name__ == "__main__":
    os.environ.pop("AWS_LAMBDA_RUNTIME_API", None)
    main()
