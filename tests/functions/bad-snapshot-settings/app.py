import decimal
import gc
import locale
import socket
import sys
import threading
import warnings

decimal.getcontext().prec = 50
decimal.getcontext().rounding = decimal.ROUND_DOWN
sys.setrecursionlimit(3000)
gc.disable()
gc.set_threshold(500, 5, 5)
sys.setswitchinterval(0.01)
sys.set_int_max_str_digits(10000)
warnings.simplefilter("error", DeprecationWarning)
locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
socket.setdefaulttimeout(7)
threading.stack_size(1 << 20)


def hook(*arguments):
    pass


sys.excepthook = threading.excepthook = hook


def handler(event, context):
    warned = []
    try:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    except DeprecationWarning as warning:
        warned.append(type(warning).__name__)
    return {
        "prec": decimal.getcontext().prec,
        "rounding": decimal.getcontext().rounding,
        "recursion": sys.getrecursionlimit(),
        "gc": gc.isenabled(),
        "threshold": gc.get_threshold(),
        "switch": sys.getswitchinterval(),
        "digits": sys.get_int_max_str_digits(),
        "hooks": sys.excepthook is hook and threading.excepthook is hook,
        "warned": warned,
        "locale": locale.setlocale(locale.LC_CTYPE),
        "timeout": socket.getdefaulttimeout(),
    }
