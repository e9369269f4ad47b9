"""Threads, processes and event loops: where a static musl program most easily differs."""

import asyncio
import concurrent.futures
import faulthandler
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def cube(n):
    return n**3


class Threads(unittest.TestCase):
    def test_deep_recursion(self):
        """Frames through C, in a thread: more than musl's 128 kB of stack."""
        sys.setrecursionlimit(30_000)
        self.addCleanup(sys.setrecursionlimit, 1000)

        def nested(n):
            return max([n], key=lambda x: nested(x - 1) if x else 0)

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(depth, 20_000).result(), 20_000)
            self.assertEqual(pool.submit(nested, 1_500).result(), 1_500)

    def test_endless_recursion_is_an_exception(self):
        def endless():
            return endless()

        with concurrent.futures.ThreadPoolExecutor(1) as pool, self.assertRaises(RecursionError):
            pool.submit(endless).result()
        with self.assertRaises(RecursionError):
            endless()

    def test_many(self):
        total = []
        lock = threading.Lock()

        def work(n):
            for _ in range(200):
                with lock:
                    total.append(n)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(total), 10_000)

    def test_stack_size(self):
        old = threading.stack_size(256 * 1024)
        self.addCleanup(threading.stack_size, old)
        result = []
        thread = threading.Thread(target=lambda: result.append(depth(50)))
        thread.start()
        thread.join()
        self.assertEqual(result, [50])


class Processes(unittest.TestCase):
    def test_itself(self):
        done = subprocess.run(
            [sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"],
            input="abc",
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.stdout, done.returncode), ("ABC\n", 3))

    def test_shell_environment_and_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            text = subprocess.check_output(
                'echo "$GREETING"; pwd -P',
                shell=True,
                cwd=folder,
                env={"GREETING": "hi"},
                text=True,
            )
            self.assertEqual(text.split(), ["hi", os.path.realpath(folder)])

    def test_missing_program(self):
        with self.assertRaises(FileNotFoundError):
            subprocess.run(["/no/such/program"], check=True)

    def test_timeout(self):
        with self.assertRaises(subprocess.TimeoutExpired):
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5)

    def test_fork(self):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, b"%d" % os.getppid())
            os._exit(7)
        os.close(writing)
        with open(reading, "rb") as pipe:
            self.assertEqual(int(pipe.read()), os.getpid())
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)

    def test_multiprocessing(self):
        for method in ("spawn", "forkserver", "fork"):
            with self.subTest(method):
                context = multiprocessing.get_context(method)
                with context.Pool(2) as pool:
                    self.assertEqual(pool.map(cube, range(5)), [0, 1, 8, 27, 64])

    def test_shared_memory(self):
        from multiprocessing import shared_memory

        block = shared_memory.SharedMemory(create=True, size=100)
        self.addCleanup(block.unlink)
        self.addCleanup(block.close)
        block.buf[:5] = b"hello"
        again = shared_memory.SharedMemory(block.name)
        self.addCleanup(again.close)
        self.assertEqual(bytes(again.buf[:5]), b"hello")

    def test_signals(self):
        seen = []
        old = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.01)
        self.assertEqual(seen, [signal.SIGUSR1])

    def test_crash_report(self):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", "import ctypes; ctypes.string_at(0)"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertIn("Fatal Python error: Segmentation fault", done.stderr)
        self.assertFalse(faulthandler.is_enabled())


class Asyncio(unittest.TestCase):
    def test_server_and_client(self):
        async def conversation():
            async def answer(reader, writer):
                writer.write((await reader.readline()).upper())
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with server:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"hello\n")
                line = await reader.readline()
                writer.close()
                return line

        self.assertEqual(asyncio.run(conversation()), b"HELLO\n")

    def test_subprocess_thread_and_timeout(self):
        async def work():
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "print(6 * 7)", stdout=asyncio.subprocess.PIPE
            )
            out, _ = await child.communicate()
            in_thread = await asyncio.to_thread(cube, 3)
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.sleep(30)
            return out.strip(), in_thread

        self.assertEqual(asyncio.run(work()), (b"42", 27))


class Network(unittest.TestCase):
    def test_numeric_addresses(self):
        found = socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        self.assertEqual([row[4] for row in found], [("127.0.0.1", 80)])
        found = socket.getaddrinfo("::1", "443", type=socket.SOCK_STREAM)
        self.assertEqual(found[0][4][:2], ("::1", 443))

    def test_localhost(self):
        addresses = {row[4][0] for row in socket.getaddrinfo("localhost", 80)}
        self.assertIn("127.0.0.1", addresses)

    def test_unknown_host(self):
        with self.assertRaises(socket.gaierror):
            socket.getaddrinfo("no-such-host.invalid", 80)

    def test_unix_socket(self):
        one, two = socket.socketpair()
        with one, two:
            one.sendall(b"x" * 1000)
            self.assertEqual(len(two.recv(2000, socket.MSG_WAITALL | socket.MSG_DONTWAIT)), 1000)


if __name__ == "__main__":
    unittest.main()
