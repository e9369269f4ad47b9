import atexit
import concurrent.futures
import multiprocessing
import multiprocessing.shared_memory
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from checks import names_of

_seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: _seen.append(number))
_at_fork = []
os.register_at_fork(
    before=lambda: _at_fork.append("before"),
    after_in_parent=lambda: _at_fork.append("parent"),
    after_in_child=lambda: _at_fork.append("child"),
)
atexit.register(_seen.clear)


def square(number):
    return number * number


def _status(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork():
    child = os.fork()
    if child == 0:
        os._exit(7)
    return _status(child)


def fork_in_fork():
    child = os.fork()
    if child == 0:
        inner = os.fork()
        if inner == 0:
            os._exit(3)
        os._exit(_status(inner) + 1)
    return _status(child)


def fork_hooks():
    _at_fork.clear()
    child = os.fork()
    if child == 0:
        os._exit(0 if _at_fork == ["before", "child"] else 1)
    return [_status(child), _at_fork]


def ids():
    child = os.fork()
    if child == 0:
        os._exit(0 if os.getppid() != os.getpid() > 0 else 1)
    return [_status(child), os.getpid() > 0]


def subprocess_output():
    return subprocess.run(["echo", "hi"], capture_output=True, text=True, check=True).stdout


def subprocess_input():
    done = subprocess.run(["cat"], input=b"x" * 300_000, capture_output=True, check=True)
    return len(done.stdout)


def subprocess_environment():
    """What the C library hands to children: this process's variables and what was set since."""
    os.environ["CHECK_ADDED"] = "yes"
    done = subprocess.run(["env"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    return sorted(line for line in lines if line.startswith(("CHECK_", "LAMBDA_TASK_ROOT", "TZ")))


def subprocess_python():
    command = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv))", "a"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def subprocess_shell():
    return subprocess.run("exit 5", shell=True, check=False).returncode


def popen_and_kill():
    child = subprocess.Popen(["sleep", "60"])
    child.terminate()
    return child.wait(10)


def pool_of_forks():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(5))


def pool_of_spawned():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(square, range(3))


def process_executor():
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        return executor.submit(square, 12).result(30)


def multiprocessing_queue():
    context = multiprocessing.get_context("fork")
    queue, lock = context.SimpleQueue(), context.Lock()
    with lock:
        child = context.Process(target=queue.put, args=("from the child",))
        child.start()
    child.join()
    return [queue.get(), child.exitcode]


def shared_memory():
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=64)
    try:
        child = os.fork()
        if child == 0:
            memory.buf[3] = 9
            os._exit(0)
        _status(child)
        return memory.buf[3]
    finally:
        memory.close()
        memory.unlink()


def signal_handler_from_before():
    _seen.clear()
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.01)
    return _seen


def signal_handler_now():
    seen = []
    old = signal.signal(signal.SIGUSR2, lambda number, frame: seen.append(number))
    signal.raise_signal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, old)
    return [seen, str(old)]


def signal_dispositions():
    names = {each.name: str(signal.getsignal(each)) for each in signal.valid_signals()
             if isinstance(each, signal.Signals) and each != signal.SIGUSR1}
    return dict(sorted(names.items()))


def signal_timer():
    seen = []
    old = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    end = time.monotonic() + 10
    while not seen and time.monotonic() < end:
        time.sleep(0.001)
    signal.signal(signal.SIGALRM, old)
    return seen


def keyboard_interrupt():
    try:
        signal.raise_signal(signal.SIGINT)
        time.sleep(1)
    except KeyboardInterrupt:
        return "interrupted"


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        os.write(writer, b"x")
    except BrokenPipeError:
        return "an exception, no signal"
    finally:
        os.close(writer)


def crash_of_a_child():
    """The handler of fatal signals has its stack."""
    program = "import faulthandler; faulthandler.enable(); faulthandler._sigsegv()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return [done.returncode, done.stderr.splitlines()[0]]


def files():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "file")
        path.write_text("ü")
        os.symlink("file", path.with_name("link"))
        return [path.with_name("link").read_text(), sorted(os.listdir(folder))]


def descriptors():
    """What is open besides the standard streams: the connection to the Runtime API, no more."""
    found = []
    for number in range(3, 100):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(os.readlink(f"/proc/self/fd/{number}").partition(":")[0])
    return found


NAMES = names_of(globals())
NAMES.remove("square")
