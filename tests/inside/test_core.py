"""The C core under a whole interpreter: its heap, its string functions, its dlopen."""

import ctypes
import gc
import os
import random
import sys
import threading
import unittest
import warnings

BASE, END = 0x10_0000_0000, 0x14_0000_0000


def mappings():
    """(begin, end, permissions, name) of each mapping of this process."""
    with open("/proc/self/maps") as lines:
        for line in lines:
            fields = line.split(maxsplit=5)
            begin, end = (int(number, 16) for number in fields[0].split("-"))
            yield begin, end, fields[1], fields[5].strip() if len(fields) > 5 else ""


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Heap(unittest.TestCase):
    def test_everything_lies_in_one_region(self):
        small = [object() for _ in range(200_000)]
        large = [bytearray(n) for n in (600, 70_000, 5_000_000)]
        for one in (*small[::1000], *large, gc, sys.modules, "".join(map(chr, range(300)))):
            self.assertTrue(BASE <= id(one) < END, hex(id(one)))
        address = ctypes.addressof(ctypes.c_char.from_buffer(large[2]))
        self.assertTrue(BASE <= address < END)
        others = [
            (begin, end)
            for begin, end, permissions, name in mappings()
            if "w" in permissions and not name and end - begin >= 1 << 20 and begin > END
        ]
        self.assertEqual(others, [])

    def test_memory_is_given_back(self):
        block = bytearray(200_000_000)
        block[::4096] = b"x" * len(block[::4096])
        full = resident()
        self.assertGreater(full, 190_000_000)
        del block
        self.assertLess(resident(), full - 120_000_000)

    def test_fork_from_threads_that_allocate(self):
        warnings.simplefilter("ignore", DeprecationWarning)  # about exactly this
        self.addCleanup(warnings.resetwarnings)
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                [bytearray(n) for n in range(500, 5000, 100)]

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    [bytearray(n) for n in range(500, 50_000, 100)]
                    os._exit(7)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


class Strings(unittest.TestCase):
    def test_search_and_compare(self):
        """Against searches that go item by item."""
        source = random.Random(3)
        for _ in range(300):
            n = source.randrange(1, 2000)
            data = bytes(source.choice(b"xxxxxxxxxxxxxxxxxxxy") for _ in range(n))
            start = source.randrange(n)
            expected = next((i for i in range(start, n) if data[i] == ord("y")), -1)
            self.assertEqual(data.find(b"y", start), expected)
            self.assertEqual(data.decode().find("y", start), expected)
            last = next((i for i in reversed(range(n)) if data[i] == ord("y")), -1)
            self.assertEqual(data.rfind(b"y"), last)
            other = bytearray(data)
            at = source.randrange(n)
            other[at] ^= 1
            self.assertNotEqual(data, bytes(other))
            self.assertEqual(data < bytes(other), data[at] < other[at])
            self.assertEqual(data, bytes(bytearray(data)))

    def test_strings_of_c(self):
        libc = ctypes.CDLL(None)
        libc.strlen.restype = ctypes.c_size_t
        for n in range(200):
            self.assertEqual(libc.strlen(b"x" * n), n)
            self.assertEqual(libc.strcmp(b"x" * n, b"x" * n), 0)
            self.assertGreater(libc.strcmp(b"x" * n + b"y", b"x" * n + b"a"), 0)


class Loading(unittest.TestCase):
    def test_the_program_answers_for_its_libraries(self):
        names = ["libc.so", "libc.so.6", "libm.so", "libm.so.6", "libpthread.so.0", "libdl.so.2"]
        names += ["librt.so.1", "libutil.so.1", "libcrypt.so.1", "libc.musl-x86_64.so.1"]
        names += ["ld-musl-aarch64.so.1", "libpython3.so", "libpython3.13.so.1.0"]
        for name in (None, *names):
            self.assertGreater(ctypes.CDLL(name).getpid(), 0)
        for name in ("libcurl.so.4", "libutil.so", "libm.so.6.1", "libc.so-1", "librt.a"):
            with self.assertRaises(OSError):
                ctypes.CDLL(name)
        self.assertEqual(ctypes.CDLL("libz.so.1").zlibCompileFlags() & 3, 1)
        with self.assertRaises(AttributeError):
            _ = ctypes.CDLL(None).no_such_function

    def test_a_library_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(OSError, "/nowhere/libother.so: No such file"):
            ctypes.CDLL("/nowhere/libother.so")

    def test_dladdr_names_the_program(self):
        class Info(ctypes.Structure):
            _fields_ = [
                ("file", ctypes.c_char_p),
                ("base", ctypes.c_void_p),
                ("symbol", ctypes.c_char_p),
                ("address", ctypes.c_void_p),
            ]

        libc, info = ctypes.CDLL(None), Info()
        self.assertNotEqual(libc.dladdr(libc.strlen, ctypes.byref(info)), 0)
        self.assertEqual(info.symbol, b"strlen")
        self.assertEqual(info.file.decode(), os.readlink("/proc/self/exe"))
        self.assertEqual(libc.dladdr(ctypes.byref(info), ctypes.byref(info)), 0)


if __name__ == "__main__":
    unittest.main()
