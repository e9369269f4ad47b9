"""Start-up, paths, encodings, time zones, locale: what the program finds around itself."""

import datetime
import ensurepip
import glob
import importlib.metadata
import locale
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
import unittest
import uuid
import zoneinfo


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ.get("PATH", ""), **environment},
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )


TAGS = """
import sys
sys.path.insert(0, sys.argv[1])
from pip._vendor.packaging import tags
print(sys.prefix != sys.base_prefix, *{tag.platform for tag in tags.sys_tags()})
"""


class Installing(unittest.TestCase):
    """What installers think of this Python: which wheels they would choose."""

    def ask(self, python):
        (wheel,) = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled/pip-*"))
        command = [python, "-I", "-B", "-c", TAGS, wheel]  # isolated, as uv asks
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def test_wheels_for_musl(self):
        _, *found = self.ask(sys.executable)
        for version in ("1_1", "1_2"):
            self.assertIn(f"musllinux_{version}_{os.uname().machine}", found)
        self.assertFalse([tag for tag in found if tag.startswith("manylinux")])

    def test_in_a_virtual_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            run("-m", "venv", "--without-pip", folder)
            is_environment, *found = self.ask(os.path.join(folder, "bin", "python"))
        self.assertEqual(is_environment, "True")
        self.assertIn(f"musllinux_1_2_{os.uname().machine}", found)


class Start(unittest.TestCase):
    def test_finds_its_own_library(self):
        root = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
        self.assertEqual(os.path.realpath(sys.prefix), root)
        self.assertEqual(
            os.path.dirname(os.__file__), os.path.join(sys.prefix, "lib", "python3.13")
        )

    def test_silent(self):
        done = run("-c", "pass")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_isolated(self):
        done = run("-I", "-S", "-c", "import sys; print(sys.flags.isolated, sys.flags.no_site)")
        self.assertEqual(done.stdout, "1 1\n")

    def test_exit_codes(self):
        self.assertEqual(run("-c", "import sys; sys.exit(9)").returncode, 9)
        done = run("-c", "1/0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ZeroDivisionError", done.stderr)

    def test_utf8_whatever_the_locale(self):
        for setting in ("C", "POSIX", "C.UTF-8", "de_DE.UTF-8", "xx_YY"):
            with self.subTest(setting):
                done = run(
                    "-c", "import sys; print('é', sys.getfilesystemencoding())", LC_ALL=setting
                )
                self.assertEqual((done.stdout, done.stderr), ("é utf-8\n", ""))

    def test_everything_is_built_in(self):
        wanted = {"_ssl", "_hashlib", "_sqlite3", "_ctypes", "zlib", "_bz2", "_lzma", "_decimal"}
        self.assertLessEqual(wanted, set(sys.builtin_module_names))

    def test_every_builtin_module_imports(self):
        for name in sys.builtin_module_names:
            with self.subTest(name):
                __import__(name)

    def test_virtual_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("-m", "venv", "--without-pip", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            inside = subprocess.check_output(
                [os.path.join(folder, "bin", "python"), "-c", "import sys; print(sys.prefix)"],
                text=True,
            )
            self.assertEqual(os.path.realpath(inside.strip()), os.path.realpath(folder))


class Facts(unittest.TestCase):
    def test_platform(self):
        machine = os.uname().machine
        self.assertEqual(sys.implementation._multiarch, f"{machine}-linux-musl")
        self.assertEqual(sysconfig.get_platform(), f"linux-{machine}")
        self.assertEqual(sysconfig.get_config_var("Py_GIL_DISABLED"), 0)

    def test_no_path_of_the_build_machine(self):
        for name, value in sysconfig.get_config_vars().items():
            here = (sys.prefix, os.path.dirname(os.path.realpath(os.__file__)))
            if not isinstance(value, str) or name == "userbase":
                continue
            if not any(place in value for place in here):
                for place in ("/work/", "/tmp/", "/root/", "/home/"):
                    self.assertNotIn(place, value, name)

    def test_floats_are_not_fused(self):
        # x*(-y) + y*x in C is exactly 0, unless one product is fused into the sum.
        x = complex(0.1, 0.3)
        self.assertEqual((x * x.conjugate()).imag, 0.0)

    def test_random_sources(self):
        self.assertNotEqual(os.urandom(16), os.urandom(16))
        self.assertNotEqual(random.SystemRandom().random(), random.SystemRandom().random())
        self.assertNotEqual(uuid.uuid4(), uuid.uuid1())

    def test_clocks(self):
        start = time.monotonic_ns()
        time.sleep(0.01)
        self.assertGreaterEqual(time.monotonic_ns() - start, 10_000_000)
        self.assertAlmostEqual(time.time(), datetime.datetime.now().timestamp(), delta=5)

    def test_big_memory(self):
        block = bytearray(200 << 20)
        block[-1] = 1
        self.assertEqual(len(block), 200 << 20)
        del block
        self.assertEqual(sum(len(bytes(1 << 16)) for _ in range(1000)), 1000 << 16)


class Zones(unittest.TestCase):
    def test_packaged_tzdata(self):
        try:
            importlib.metadata.version("tzdata")
        except importlib.metadata.PackageNotFoundError:
            self.skipTest("the package tzdata is not on PYTHONPATH")
        zoneinfo.reset_tzpath(())  # nothing of the system's
        self.addCleanup(zoneinfo.reset_tzpath)
        zone = zoneinfo.ZoneInfo.no_cache("Europe/Vienna")
        summer = datetime.datetime(2024, 7, 1, 12, tzinfo=zone)
        winter = datetime.datetime(2024, 1, 1, 12, tzinfo=zone)
        self.assertEqual((summer.utcoffset().seconds, winter.utcoffset().seconds), (7200, 3600))
        self.assertEqual(summer.tzname(), "CEST")
        with self.assertRaises(zoneinfo.ZoneInfoNotFoundError):
            zoneinfo.ZoneInfo("Not/There")

    def test_posix_zone(self):
        zone = "EST5EDT,M3.2.0,M11.1.0"  # musl knows no default for the dates
        done = run("-c", "import time; print(time.tzname, time.localtime(0).tm_hour)", TZ=zone)
        self.assertEqual(done.stdout, "('EST', 'EDT') 19\n")


class Locale(unittest.TestCase):
    def test_c_locale(self):
        self.assertEqual(locale.setlocale(locale.LC_ALL, "C"), "C")
        self.assertEqual(locale.localeconv()["decimal_point"], ".")
        self.assertEqual(locale.format_string("%.2f", 3.14159, grouping=True), "3.14")
        self.assertEqual(locale.getpreferredencoding().lower(), "utf-8")
        self.assertLess(locale.strcoll("a", "b"), 0)


if __name__ == "__main__":
    unittest.main()
