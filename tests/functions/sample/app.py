"""One function with a way into every situation; the event says which."""

import os
import sys
import time


class MyError(Exception):
    pass


def handler(event, context):
    return globals()["do_" + event["do"]](event, context)


def do_echo(event, context):
    return {"echo": event.get("value"), "id": context.aws_request_id}


def do_size(event, context):
    return {"size": len(event["value"])}


def do_large(event, context):
    return "x" * event["size"]


def do_fail(event, context):
    raise MyError(event.get("why", "failed"))


def do_sleep(event, context):
    time.sleep(event["seconds"])
    return context.get_remaining_time_in_millis()


def do_exit(event, context):
    sys.exit(event["status"])


def do_facts(event, context):
    """What the program looks like from inside."""
    import _nb_snapshot

    return {
        "start": ["normal", "initialising", "restored"][_nb_snapshot.phase()],
        "cwd": os.getcwd(),
        "environ": dict(os.environ),
        "version": sys.version_info[:3],
        "file": __file__,
        "prefix": sys.prefix,
        "path": sys.path,
        "rss_kb": rss_kb(),
        "task": sorted(os.listdir(os.environ["LAMBDA_TASK_ROOT"])),
    }


def rss_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
