"""Everything that writes to the log."""

import logging
import sys

named = logging.getLogger("my.logger")


def every_level():
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logging, level)("at %s", level)


def an_exception():
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("caught")


def own_level():
    logging.addLevelName(25, "NOTICE")
    logging.log(25, "own level")
    logging.log(35, "between")
    logging.log(60, "above")
    logging.log(5, "below")


def set_level():
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    logging.info("now visible")
    root.setLevel(logging.WARNING)


def named_logger():
    named.setLevel(logging.DEBUG)
    named.debug("child %d", 1)
    named.setLevel(logging.NOTSET)


def broken_record():
    logging.warning("%d", "no number")


def own_handler():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("own: %(message)s"))
    logger = logging.getLogger("own")
    logger.addHandler(handler)
    logger.warning("twice")
    logger.removeHandler(handler)


def shown_handlers():
    root = logging.getLogger()
    print([type(h).__name__ for h in root.handlers], root.level)
    print([type(f).__name__ for f in root.handlers[0].filters])
    print(type(root.handlers[0].formatter).__name__)
    print(hasattr(root.handlers[0], "log_sink"))


def basic_config():
    logging.basicConfig(level=logging.DEBUG, format="never used")
    logging.debug("not shown")
    logging.warning("as before")


def captured_warnings():
    import warnings

    logging.captureWarnings(True)
    warnings.simplefilter("always")
    try:
        warnings.warn_explicit("careful", UserWarning, "file.py", 1)
    finally:
        logging.captureWarnings(False)


def from_thread():
    import threading

    thread = threading.Thread(target=lambda: logging.warning("from a thread"))
    thread.start()
    thread.join()


DO = {
    "levels": every_level,
    "exception": an_exception,
    "own-level": own_level,
    "set-level": set_level,
    "named": named_logger,
    "broken": broken_record,
    "own-handler": own_handler,
    "handlers": shown_handlers,
    "basic-config": basic_config,
    "warnings": captured_warnings,
    "thread": from_thread,
    "dict": lambda: logging.error({"a": 1, "é": [None]}),
    "dict-with-arguments": lambda: logging.error({"a": 1}, "x"),
    "dict-odd": lambda: logging.error({"a": {1}, "when": object}),
    "extra": lambda: logging.error("extra", extra={"shop": "a", "n": None, "o": {1}}),
    "extra-clash": lambda: logging.error("clash", extra={"level": "mine", "requestId": "mine"}),
    "multi-line": lambda: logging.warning("one\ntwo\r\nthree"),
    "non-ascii": lambda: logging.warning("é 漢字 \U0001f600"),
    "empty": lambda: logging.warning(""),
    "none": lambda: logging.warning(None),
    "percent": lambda: logging.warning("100%"),
    "stack": lambda: logging.warning("with stack", stack_info=False),
    "print": lambda: print("printed", 1, sep="|"),
    "print-partial": lambda: print("no line end", end=""),
    "print-stderr": lambda: print("to stderr", file=sys.stderr),
    "write": lambda: [sys.stdout.write("written\n"), sys.stdout.writelines(["a\n", "b\n"])] and None,
    "buffer": lambda: sys.stdout.buffer.write(b"bytes\n") and sys.stdout.flush(),
    "unraised": lambda: 1 / 0,
    "streams": lambda: [sys.stdout.encoding, sys.stdout.fileno(), sys.stdout.isatty()],
}


def handler(event, context):
    return DO[event["do"]]()
