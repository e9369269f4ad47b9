import asyncio
import concurrent.futures
import contextvars
import queue
import threading
import time

from checks import names_of

_before = threading.local()
_before.value = "at import"
_lock = threading.Lock()
_rlock = threading.RLock()
_condition = threading.Condition()
_queue = queue.Queue()
_queue.put("at import")
_var = contextvars.ContextVar("var", default="default")
_main = threading.main_thread()
_loop_lock = asyncio.Lock()


def _work(number):
    return sum(each * each for each in range(1000)) + number


def main_thread():
    assert threading.main_thread() is _main is threading.current_thread()
    assert threading.get_ident() == _main.ident
    assert threading.get_native_id() == _main.native_id
    return [_main.name, _main.is_alive(), threading.active_count(), len(threading.enumerate())]


def four_threads():
    seen, names = [], set()

    def run():
        names.add(threading.get_ident())
        with _lock:
            seen.append(_work(1))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert threading.get_ident() not in names
    return [seen, threading.active_count()]


def hundred_threads_in_turn():
    count = []
    for number in range(100):
        thread = threading.Thread(target=count.append, args=(number,))
        thread.start()
        thread.join()
    return sum(count)


def thread_local():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(hasattr(_before, "value")))
    thread.start()
    thread.join()
    return [_before.value, *seen]


def small_stack():
    old = threading.stack_size(256 * 1024)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(_work(2)))
    thread.start()
    thread.join()
    threading.stack_size(old)
    return seen


def reentrant_lock():
    with _rlock, _rlock:
        other = []
        thread = threading.Thread(target=lambda: other.append(_rlock.acquire(blocking=False)))
        thread.start()
        thread.join()
        return other


def condition():
    seen = []

    def wait():
        with _condition:
            seen.append(_condition.wait(10))

    thread = threading.Thread(target=wait)
    thread.start()
    while not seen:
        with _condition:
            _condition.notify_all()
        time.sleep(0.001)
    thread.join()
    return seen


def queue_from_before():
    _queue.put("now")
    return [_queue.get(), _queue.get(timeout=1), _queue.empty()]


def timer():
    done = threading.Event()
    threading.Timer(0.01, done.set).start()
    return done.wait(10)


def pool():
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        return sum(executor.map(_work, range(100)))


def exception_in_thread():
    seen = []
    old, threading.excepthook = threading.excepthook, seen.append
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    threading.excepthook = old
    return [each.exc_type.__name__ for each in seen]


def switching():
    """Two busy threads: both get on."""
    counts, stop = [0, 0], threading.Event()

    def run(index):
        while not stop.is_set():
            counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    return [count > 10 for count in counts]


def asyncio_gather():
    async def main():
        await asyncio.sleep(0.001)
        async with _loop_lock:
            return await asyncio.gather(*(asyncio.sleep(0, number) for number in range(5)))

    return asyncio.run(main())


def asyncio_to_thread():
    return asyncio.run(asyncio.to_thread(_work, 3))


def asyncio_timeout():
    async def main():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except TimeoutError:
            return "in time"

    return asyncio.run(main())


def asyncio_streams():
    async def main():
        async def serve(reader, writer):
            writer.write((await reader.readline()).upper())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        server.close()
        return answer.decode()

    return asyncio.run(main())


def asyncio_subprocess():
    async def main():
        child = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
        return (await child.communicate())[0].decode()

    return asyncio.run(main())


def context_variables():
    _var.set("outer")
    context = contextvars.copy_context()
    context.run(_var.set, "inner")
    return [_var.get(), context[_var]]


NAMES = names_of(globals())
