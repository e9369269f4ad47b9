import logging
import os
import sys

log = logging.getLogger("shop")
stream = logging.StreamHandler(sys.stderr)
stream.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s by %(threadName)s"))
log.addHandler(stream)
log.setLevel("INFO")
log.propagate = False
records = []
log.addFilter(lambda record: records.append(record) or True)


def handler(event, context):
    log.info("called at %s", 8)
    record = records[-1]
    return {
        "level": log.getEffectiveLevel(),
        "handlers": len(log.handlers),
        "pid": record.process == os.getpid(),
        "age": 0 <= record.relativeCreated < 60_000,
    }
