import importlib.resources
import importlib.util
import os
import pkgutil
import threading

from pkg import fast


def by_path():
    import ctypes  # in a function, and not of "needed" names only: this is the project's own code

    found = importlib.resources.files("pkg").joinpath("lib", "libhelper.so.1")
    with importlib.resources.as_file(found) as path:
        library = ctypes.CDLL(str(path))
    library.helper_length.restype = ctypes.c_ulong
    return library.helper_length(b"four"), ctypes.CDLL(None).abs(-3)


def by_name():
    import ctypes.util

    path = ctypes.util.find_library("own")
    return path, ctypes.CDLL(path).helper_twice(4), ctypes.util.find_library("c")


def in_a_thread():
    seen = []
    thread = threading.Thread(target=lambda: (fast.twice(1), seen.append(fast.facts()["calls"])))
    thread.start()
    thread.join()
    return seen


def handler(event, context):
    spec = importlib.util.find_spec("pkg.fast")
    return {
        "twice": [fast.twice(n) for n in event],
        "facts": fast.facts(),
        "thread": in_a_thread(),
        "by_path": by_path(),
        "by_name": by_name(),
        "file": fast.__file__,
        "exists": os.path.exists(fast.__file__),
        "loader": type(spec.loader).__name__,
        "modules": [module.name for module in pkgutil.iter_modules(["/var/task/pkg"])],
        "twin": fast.__doc__,
    }
