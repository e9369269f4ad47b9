import os
import threading

IDENT = threading.get_ident()
NATIVE = threading.get_native_id()
MAIN = threading.current_thread()


def handler(event, context):
    return {
        "same": threading.get_ident() == IDENT == threading.main_thread().ident,
        "main": threading.current_thread() is MAIN is threading.main_thread(),
        "native": threading.get_native_id() == NATIVE == MAIN.native_id,
        "kernel": os.getpid() == threading.get_native_id(),
    }
