"""The standard library's adapters, and the registry: each test fails without its adapter."""

from __future__ import annotations

import sys

import pytest
import restored

pytestmark = pytest.mark.subprocesses

# As the observer would: what draws random bytes, and who takes care of it.
ENTROPY = """
import os, posix, sys
OBSERVER = '''
import os, posix
real = posix.urandom
def urandom(size):
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in ("random", "secrets") or "importlib" in str(frame.f_code):
        frame = frame.f_back
    seen.append([frame.f_globals["__name__"], frame.f_lineno, adapters.handled("entropy", "x")])
    return real(size)
posix.urandom = os.urandom = urandom
'''
exec(OBSERVER, {"__name__": "native_bootstrap.runtime.snapshot.observer", "seen": seen,
                "adapters": adapters, "sys": sys})
"""
UNHANDLED = "[[name, line] for name, line, by in seen if by is None and 'adapters' not in name]"


def test_generators_differ_and_seeded_ones_go_on(tmp_path):
    results = restored.run(
        tmp_path,
        "import random\nclass Own(random.Random): pass\n"
        "free, own, fixed = random.Random(), Own(), random.Random(42)\n"
        "late = random.Random(1); late.seed()\n"
        "set_ = random.Random(); set_.setstate(fixed.getstate())\n"
        "fixed.random()\n",
        "import random\nresult = [random.random(), app.free.random(), app.own.random(),\n"
        " app.late.random(), app.fixed.random(), app.set_.random(), type(random.random).__name__,\n"
        " 'random' in vars(random.Random), random.getrandbits.__self__ is random._inst]",
        running=[{}, {}],
    )
    first, second = results
    assert all(a != b for a, b in zip(first[:4], second[:4], strict=True))
    fixed = __import__("random").Random(42)
    start = fixed.random()
    expected = [fixed.random(), start, "builtin_function_or_method", False, True]
    assert first[4:] == second[4:] == expected


def test_a_global_generator_with_a_seed_of_the_functions_own(tmp_path):
    results = restored.run(
        tmp_path,
        "import random\nrandom.seed(7)\nfirst = random.random()\n",
        "import random\nfrom native_bootstrap.runtime.snapshot import probe\n"
        "result = [app.first, random.random(), sorted(probe.draw(None, None))]",
        running=[{}, {}],
    )
    generator = __import__("random").Random(7)
    assert results[0] == results[1] == [generator.random(), generator.random(), ["os.urandom"]]


def test_the_observers_findings_are_known(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import faulthandler, random\nfrom native_bootstrap.runtime.snapshot import adapters\n"
        "ask = lambda *what: adapters.handled(*what)\n"
        "SIGNAL = 'state', 'handles a signal in C code'\n"
        "faulthandler.enable()\nfound = [ask('entropy', 'uses the random module\\'s generator'),\n"
        "    ask('entropy', 'draws random bytes'), ask(*SIGNAL), ask('state', 'a limit')]\n"
        "import ctypes\nact = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: None)\n"
        "ctypes.CDLL(None).signal(12, act)\nfound.append(ask(*SIGNAL))\n",
        "result = app.found",
    )
    assert result == ["random", None, "faulthandler", None, None]


def test_drawing_at_import_is_entropy(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import random, tempfile\n"  # 1
        "from random import choice, random as draw\n"
        "VALUE = random.random()\n"  # 3
        "BITS = random.getrandbits(8)\n"
        "ITEM = choice([1, 2, 3])\n"
        "random.shuffle([1, 2, 3])\n"
        "OTHER = random.Random().uniform(1, 2)\n"
        "DRAWN = draw()\n"
        "FINE = random.Random(3).random(), tempfile.gettempdir()\n"  # 9
        "STATE = random.getstate()\n"
        "random.seed(3)\n"
        "ALSO_FINE = random.random(), random.getstate()\n",  # 12
        f"import random\nresult = [{UNHANDLED}, app.draw is random.random]",
        before=ENTROPY,
    )
    lines = sorted({line for name, line in result[0] if name == "app"})
    assert lines == [3, 4, 5, 6, 7, 8, 10]
    assert {name for name, _ in result[0]} == {"app"}
    assert result[1], "a name that was taken over is the library's own again"


def test_random_secrets_are_never_taken_care_of(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import secrets, uuid, random, os\n"
        "A = secrets.token_bytes(4)\n"
        "B = random.SystemRandom().random()\n"
        "C = os.urandom(3)\n",
        f"result = [line for name, line in {UNHANDLED} if name == 'app']",
        before=ENTROPY,
    )
    assert result == [2, 3, 4]


PLATFORM = """
import platform
before = len(__import__("__main__").seen)
def reads(function):
    function()
    seen = __import__("__main__").seen
    found = [by for _, _, by in seen[before:]]
    del seen[before:]
    return found
SAME = reads(platform.system) + reads(platform.machine)
NODE = reads(platform.node)
AGAIN = reads(platform.node)
UNAME = reads(platform.uname)
"""
UNAME = """
OBSERVER = '''
import os
real = os.uname
def uname():
    seen.append(["", 0, adapters.handled("machine", "uname")])
    return real()
os.uname = uname
'''
exec(OBSERVER, {"__name__": "native_bootstrap.runtime.snapshot.observer", "seen": seen,
                "adapters": adapters})
"""


def test_platform_asks_anew(tmp_path):
    (result,) = restored.run(
        tmp_path,
        PLATFORM + "import os\nos.register_at_fork(after_in_child=lambda: setattr(os, 'uname',"
        " lambda: ('Linux', 'here', '9.9', 'v', 'm64')))\nplatform.platform()\n",
        "import platform\nresult = [app.SAME, app.NODE, app.AGAIN, app.UNAME, platform.node(),"
        " platform.release(), platform.platform()[:9]]",
        before=UNAME,
    )
    assert result[0] == ["platform", "platform"]
    assert result[1] == result[2] == result[3] == [None]
    assert result[4:] == ["here", "9.9", "Linux-9.9"]


def test_platform_starts_no_process(tmp_path):
    """While the image is made; the running process asks again."""
    (result,) = restored.run(
        tmp_path,
        "import os, platform, subprocess\nstarted = []\n"
        "subprocess.check_output = lambda command, **_: started.append(command[0]) or (\n"
        "    b'made-up' if command[0] == 'file' else 'made-up')\n"
        "FOUND = [platform.processor() == os.uname().machine, platform.architecture()[0]]\n"
        "platform.platform()\n"
        "SEEN = list(started)\n",
        "import platform\nplatform.architecture()\n"
        "result = [app.FOUND, app.SEEN, platform.processor(), app.started]",
    )
    assert result == [[True, "64bit"], [], "made-up", ["file", "uname"]]


ENVIRON = """
OBSERVER = '''
import os
class Observed(type(os.environ)):
    def __iter__(self):
        seen.append(["", 0, adapters.handled("environment", "*", [])])
        return super().__iter__()
os.environ.__class__ = Observed
'''
exec(OBSERVER, {"__name__": "native_bootstrap.runtime.snapshot.observer", "seen": seen,
                "adapters": adapters})
"""


def test_wsgi_handlers_have_this_processs_environment(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import __main__\nfrom wsgiref import handlers\n"
        "TAKEN = [by for *_, by in __main__.seen]\ndel __main__.seen[:]\n"
        "handlers.read_environ()\nMINE = [by for *_, by in __main__.seen]\n",
        "handler = app.handlers.SimpleHandler\n"
        "result = [app.TAKEN, app.MINE, handler.os_environ.get('AWS_REGION')]",
        before=ENVIRON,
    )
    assert result == [["wsgiref"], [None], restored.RUNNING["AWS_REGION"]]


def test_log_records_count_from_the_start_of_the_process(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import logging\n"
        "logging._startTime = type(logging._startTime)(0)\nlog = logging.getLogger('app')\n",
        "import logging, os\n"
        "record = app.log.makeRecord('app', 20, 'f', 1, 'text', (), None)\n"
        "result = [0 <= record.relativeCreated < 60_000, record.process == os.getpid()]",
    )
    assert result == [True, True]


def test_multiprocessing_has_a_key_of_its_own(tmp_path):
    results = restored.run(
        tmp_path,
        "import multiprocessing, multiprocessing.process, multiprocessing.util as util\n"
        "key = bytes(multiprocessing.current_process().authkey)\nran = []\n"
        "util.Finalize(None, ran.append, args=(1,), exitpriority=1)\n",
        "import multiprocessing.util, multiprocessing\n"
        "key = bytes(multiprocessing.current_process().authkey)\n"
        "multiprocessing.util._run_finalizers()\n"
        "result = [key != app.key, app.ran, key.hex()]",
        running=[{}, {}],
        before=ENTROPY,
    )
    assert [result[:2] for result in results] == [[True, [1]], [True, [1]]]
    assert results[0][2] != results[1][2]


def test_uuid1_knows_nothing_of_the_build(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import uuid\nuuid._node, uuid._last_timestamp = 0x123456789abc, 1 << 59\n"
        "uuid._generate_time_safe = None\n",
        "import uuid\nmade = uuid.uuid1()\n"
        "result = [made.node == 0x123456789abc, made.time < 1 << 59]",
    )
    assert result == [False, True]


def test_temporary_names_differ_even_with_equal_process_ids(tmp_path):
    results = restored.run(
        tmp_path,
        "import os, tempfile\nnames = tempfile._get_candidate_names()\nnext(names)\n"
        "os.getpid = lambda: 8\nnext(names)\n",
        "import tempfile\nresult = next(tempfile._get_candidate_names())",
        running=[{}, {}],
        before="import json",
    )
    assert len(set(results)) == len(results) == 2


def test_thread_pools_have_the_machines_size(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import os\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "pools = ThreadPoolExecutor(), ThreadPoolExecutor(None, 'name'), ThreadPoolExecutor(3)\n"
        "def other():\n    os.cpu_count = os.process_cpu_count = lambda: 21\n"
        "os.register_at_fork(after_in_child=other)\n",
        "result = [p._max_workers for p in app.pools] + [app.pools[0].submit(pow, 2, 5).result()]",
    )
    assert result == [25, 25, 3, 32]


def test_mime_types_are_read_from_this_machine(tmp_path):
    (tmp_path / "hidden").write_text("text/x-here here\n")
    source = (
        "import mimetypes, os\nmimetypes.knownfiles[:] = ['types']\n"
        "{more}mimetypes.guess_type('x.html')\n"
        "os.register_at_fork(after_in_child=lambda: os.rename('hidden', 'types'))\n"
    )
    then = "import mimetypes\nresult = [mimetypes.guess_type(f'x.{e}')[0] for e in ('here', 'own')]"
    (result,) = restored.run(tmp_path, source.format(more=""), then)
    (tmp_path / "types").rename(tmp_path / "hidden")
    assert result == ["text/x-here", None]
    own = "mimetypes.add_type('text/x-own', '.own')\n"
    (result,) = restored.run(tmp_path, source.format(more=own), then)
    assert result == [None, "text/x-own"]


FAULTS = """
import os, signal, sys
def fault():
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open('said', os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        if sys.argv[1:]: os.kill(os.getpid(), signal.SIGUSR1)
        else: os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(0)
    os.waitpid(pid, 0)
    return open('said').readline().strip()
import ctypes
libc = ctypes.CDLL(None)
os.register_at_fork(after_in_child=lambda: [libc.signal(n, None) for n in (11, 10)])
"""


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        ("faulthandler.enable()", (), "Fatal Python error: Segmentation fault"),
        ("faulthandler.enable(); faulthandler.disable()", (), ""),
        ("faulthandler.register(signal.SIGUSR1, all_threads=False)", ("x",), "Stack (most recent"),
    ],
)
def test_fatal_signals_are_told_of(tmp_path, call, arguments, said):
    (result,) = restored.run(
        tmp_path,
        "import faulthandler\n" + FAULTS.replace("[libc", "done or [libc") + f"done = []\n{call}\n",
        "app.done.append(1)\nresult = app.fault()",
        arguments=arguments,
    )
    assert result.startswith(said)
    assert bool(result) is bool(said)


TRUST = """
import ssl, os
first = ssl.create_default_context()
second = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
second.load_default_certs()
third = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
stats = first.cert_store_stats()
"""


def test_contexts_trust_what_this_machine_trusts(tmp_path):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "here.pem"))
    (result,) = restored.run(
        tmp_path,
        TRUST,
        "import ssl, threading, socket\n"
        "threads = [threading.Thread(target=app.second.get_ca_certs) for _ in range(4)]\n"
        "[t.start() for t in threads], [t.join() for t in threads]\n"
        "lazy = [len(vars(c)) for c in (app.first, app.second, app.third)]\n"
        "bio = app.first.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname='x')\n"
        "result = [lazy, len(vars(app.first)), app.stats['x509_ca'],"
        " [c.cert_store_stats()['x509_ca'] for c in (app.first, app.second, app.third)],"
        " 'set_default_verify_paths' in vars(ssl.SSLContext)]",
        running={"SSL_CERT_FILE": str(tmp_path / "here.pem"), "SSL_CERT_DIR": "/nowhere"},
    )
    assert result == [[4, 0, 0], 0, 0, [1, 1, 0], False]


def test_urllib3_asks_for_ipv6_when_it_connects(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import urllib3.util.connection as c\nat_import, c.HAS_IPV6 = c.HAS_IPV6, 'unknown'\n",
        "import urllib3.util.connection as c\nbefore = c.HAS_IPV6\n"
        "family = c.allowed_gai_family()\n"
        "result = [before, c.HAS_IPV6 == app.at_import, c.allowed_gai_family() == family,\n"
        " c.allowed_gai_family.__module__]",
        interpreter=restored.environment("urllib3>=2"),
    )
    assert result == ["unknown", True, True, "urllib3.util.connection"]


def test_pools_of_redis_have_names_of_their_own(tmp_path):
    results = restored.run(
        tmp_path,
        "import redis\nclient = redis.Redis(host='localhost')\npool = client.connection_pool\n"
        "name = pool._pool_id\n",
        f"result = [app.pool._pool_id, app.pool._pool_id != app.name, {UNHANDLED}]",
        running=[{}, {}],
        before=ENTROPY,
        interpreter=restored.environment("redis==8.1.0"),
    )
    assert [result[1:] for result in results] == [[True, []], [True, []]]
    assert results[0][0] != results[1][0]


def test_numpys_own_generator(tmp_path):
    numpy = restored.environment("numpy>=2")
    results = restored.run(
        tmp_path,
        "import numpy as np\nfrom numpy.random import rand\nfixed = np.random.default_rng(3)\n",
        "import numpy as np\nresult = [np.random.rand(), np.random.randint(1 << 30),"
        " app.rand is np.random.rand, app.fixed.random(), "
        f"{UNHANDLED}]",
        running=[{}, {}],
        before=ENTROPY,
        interpreter=numpy,
    )
    first, second = results
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert first[2:] == second[2:]
    assert first[2]
    assert first[4] == []


def test_numpys_own_generator_with_a_seed(tmp_path):
    numpy = restored.environment("numpy>=2")
    results = restored.run(
        tmp_path,
        "import numpy as np\nnp.random.seed(5)\nfirst = np.random.rand()\n",
        f"import numpy as np\nfound = {UNHANDLED}\n"
        "from native_bootstrap.runtime.snapshot import probe\n"
        "result = [np.random.rand(), found, 'numpy.random' in probe.draw(None, None)]",
        running=[{}, {}],
        before=ENTROPY,
        interpreter=numpy,
    )
    assert results[0] == results[1]
    assert results[0][1:] == [[], False]


def test_drawing_from_numpy_at_import_is_entropy(tmp_path):
    numpy = restored.environment("numpy>=2")
    (result,) = restored.run(
        tmp_path,
        "import numpy as np\nA = np.random.rand(3)\nB = np.random.default_rng()\n"
        "C = np.random.RandomState()\n",
        f"result = {UNHANDLED}",
        before=ENTROPY,
        interpreter=numpy,
    )
    assert {tuple(place) for place in result} == {("app", 2), ("app", 3), ("app", 4)}
    (error,) = restored.run(
        tmp_path,
        "import numpy as np\nA = np.random.mtrand._rand.rand(3)\n",
        "result = 1",
        interpreter=numpy,
        fails=True,
    )
    assert "Refused: numbers were drawn" in error


OWN = """
import native_bootstrap, sys, types
sys.modules.pop("weird", None)
order = []
class Adapter:
    def __init__(self, name): self.name = name
    def prepare(self): order.append("prepare " + self.name)
    def freeze(self): order.append("freeze " + self.name)
    def restore(self): order.append("restore " + self.name)
native_bootstrap.register_adapter("wave", Adapter("wave"))
native_bootstrap.register_adapter("sys", Adapter("sys"))
native_bootstrap.register_adapter("chunk", types.SimpleNamespace(__name__="my.chunk_"))
import wave, chunk_missing
"""


def test_an_adapter_of_the_functions_own(tmp_path):
    (tmp_path / "chunk.py").write_text("")
    (result,) = restored.run(
        tmp_path,
        OWN.replace("chunk_missing", "chunk"),
        "result = [app.order, adapters.prepared()]".replace(
            "adapters", "__import__('native_bootstrap.runtime.snapshot.adapters', fromlist=['x'])"
        ),
    )
    order, names = result
    assert order == [
        "prepare sys", "prepare wave", "freeze wave", "freeze sys", "restore sys", "restore wave",
    ]  # fmt: skip
    assert {"Adapter", "chunk"} <= set(names)


def test_the_examples_in_the_documentation(tmp_path):
    text = (restored.REPOSITORY / "docs/adapters.md").read_text()
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    hooks, own = (next(b for b in blocks if name in b) for name in ("announce", "ColourAdapter"))
    results = restored.run(
        tmp_path,
        own,
        "import colorsys\nresult = [app.handler({}, None), loaded]",
        running=[{}] * 4,
        before="import colorsys, sys; del sys.modules['colorsys']",
    )
    assert len({value for value, _ in results}) > 1
    assert {str(loaded) for _, loaded in results} == {"[]"}
    first, second = restored.run(
        tmp_path,
        hooks + "class C:\n    def close(self): closed.append(1)\n"
        "closed = []\nconnections['db'] = C()\nprint = said = closed.append\n",
        "from native_bootstrap.runtime.snapshot import hooks\nhooks.run_after_restore()\n"
        "result = [app.closed, app.connections]",
        running=[{}, {}],
    )
    assert first == second == [[1, "ready"], {}]


def test_a_refused_library_is_no_missing_one(tmp_path):
    (tmp_path / "weird.py").write_text("")
    (error,) = restored.run(
        tmp_path,
        "import native_bootstrap\nfrom native_bootstrap.runtime.snapshot import adapters\n"
        "class Adapter:\n    def prepare(self): raise adapters.Refused('weird 9 is unknown')\n"
        "native_bootstrap.register_adapter('weird', Adapter())\n"
        "try:\n    import weird\nexcept Exception:\n    weird = None\n",
        "result = 1",
        fails=True,
    )
    assert error.splitlines()[-1].endswith("Refused: weird 9 is unknown")


def test_what_is_imported_after_the_restore_stays_as_it_is(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "ready = True\n",
        "import random\n"
        "result = [type(random.random).__name__, 'random' in vars(random.Random),"
        " type(random.Random.seed).__name__]",
    )
    assert result == ["builtin_function_or_method", False, "function"]


def test_a_normal_start_imports_no_adapter(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import native_bootstrap\n"
        "native_bootstrap.register_adapter('wave', 1)\nimport wave, random, ssl, logging\n"
        "print([n for n in sys.modules if 'adapters.' in n])"
    )
    done = restored.subprocess.run(
        [sys.executable, "-c", program, restored.REPOSITORY],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
