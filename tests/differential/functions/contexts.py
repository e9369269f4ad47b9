"""What the context object shows."""

import os

NAMES = (
    "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
    "function_version", "invoked_function_arn", "tenant_id",
)  # fmt: skip


def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return {
        "plain": {name: getattr(context, name) for name in NAMES},
        "types": {name: type(getattr(context, name)).__name__ for name in NAMES},
        "repr": repr(context),
        "client_context": repr(context.client_context),
        "identity": repr(context.identity),
        "w3c": context.w3c(),
        "time left": [type(left).__name__, left > 0],
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "attributes": sorted(n for n in vars(context) if not n.startswith("_")),
    }


def client(event, context):
    found = context.client_context
    application = found.client
    return {
        "custom": found.custom,
        "env": found.env,
        "client": application
        and {name: getattr(application, name) for name in sorted(application.__slots__)},
        "w3c hidden": not hasattr(found, "w3c"),
    }


def identity(event, context):
    return [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]


def extended(event, context):
    context.extra = 1
    return context.extra


def speaks(event, context):
    context.log("one line\n")
    context.log(42)
    context.log({"a": "é"})


def environ(event, context):
    import subprocess

    shown = 'printf %s "${_X_AMZN_TRACE_ID-none}"'
    return subprocess.run(["/bin/sh", "-c", shown], capture_output=True, text=True).stdout


def main_thread(event, context):
    import threading

    return threading.current_thread() is threading.main_thread()
