"""Many invocations of one process: none lost, none wrong, no growth of memory.

    build-native build app.handler --project tests/functions/sample --output dist/sample
    python benchmarks/soak.py dist/sample --count 100000

Events are 2 bytes to 4 KB of payload, every hundredth up to 5 MB; each answer is compared with its
event. RSS is read from /proc while the process waits for an event: at most --allow-mb above what
it was after the first 1,000 invocations, or the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

SWITCH = "NATIVE_BOOTSTRAP_SNAPSHOT"
WARM_UP = 1000
LARGE_EVERY = 100
LARGE_MAX = 5 * 1024 * 1024


class Connection:
    """One keep-alive HTTP/1.1 connection of a Runtime API, reduced to what the soak needs."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def request(self) -> tuple[str, bytes]:
        """The next request: its path and body."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        chunks = [self.buffer]
        have = len(self.buffer)
        while have < length:
            chunks.append(self.sock.recv(1 << 20))
            have += len(chunks[-1])
        data = b"".join(chunks)
        self.buffer = data[length:]
        return head.split(b" ")[1].decode(), data[:length]

    def _more(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise SystemExit("the process closed its connection")
        self.buffer += data

    def send_event(self, number: int, event: bytes) -> None:
        self.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Lambda-Runtime-Aws-Request-Id: %032d\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
            b"Content-Length: %d\r\n\r\n"
            % (number, int(time.time() * 1000) + 60_000, len(event))
            + event
        )

    def accept(self) -> None:
        self.sock.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the process is gone")


def payload(number: int, source: random.Random) -> str:
    limit = LARGE_MAX if number % LARGE_EVERY == LARGE_EVERY - 1 else 4096
    size = source.randrange(2, limit)
    word = f"{source.getrandbits(64):016x}"
    return (word * (size // 16 + 1))[:size]


def soak(
    connection: Connection, pid: int, count: int, source: random.Random
) -> tuple[float, float]:
    base = peak = 0.0
    for number in range(count):
        path, _ = connection.request()
        if not path.endswith("/next"):
            raise SystemExit(f"expected /next, got {path}")
        if number == WARM_UP:
            base = peak = rss_mb(pid)
        elif number > WARM_UP and number % 500 == 0:
            peak = max(peak, rss_mb(pid))
        value = payload(number, source)
        connection.send_event(number, json.dumps({"do": "echo", "value": value}).encode())
        path, body = connection.request()
        answer = json.loads(body)
        if not path.endswith("/response") or answer["echo"] != value:
            raise SystemExit(f"invocation {number}: wrong answer to {path}: {body[:200]!r}")
        if answer["id"] != f"{number:032d}":
            raise SystemExit(f"invocation {number} was answered as {answer['id']}")
        connection.accept()
    connection.request()
    return base, max(peak, rss_mb(pid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="a build of tests/functions/sample")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--allow-mb", type=float, default=1.0, help="growth that counts as noise")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as task, socket.create_server(("127.0.0.1", 0)) as server:
        with zipfile.ZipFile(args.output / "function.zip") as file:
            file.extractall(task)
        program = Path(task, "bootstrap")
        program.chmod(0o755)
        api = f"127.0.0.1:{server.getsockname()[1]}"
        # From its snapshot, unless NATIVE_BOOTSTRAP_SNAPSHOT=off is in the environment.
        kept = {name: os.environ[name] for name in (SWITCH,) if name in os.environ}
        environ = {"AWS_LAMBDA_RUNTIME_API": api, **kept}
        start = time.monotonic()
        process = subprocess.Popen([program, "app.handler"], env=environ)
        try:
            sock, _ = server.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            base, peak = soak(Connection(sock), process.pid, args.count, random.Random(args.seed))
        finally:
            process.kill()
            process.wait()
    print(
        f"{args.count} invocations in {time.monotonic() - start:.0f} s, none lost; RSS after "
        f"{WARM_UP}: {base:.1f} MB, most after that: {peak:.1f} MB"
    )
    if peak - base > args.allow_mb:
        raise SystemExit(f"memory grew by {peak - base:.1f} MB")


if __name__ == "__main__":
    main()
