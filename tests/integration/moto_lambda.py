"""moto's server, whose Lambda answers with recorded REPORT lines.

    python moto_lambda.py LINES     (a REPORT line of a cold start and one of a warm invocation)

Prints its address. Everything but the invocation is moto's: functions, versions, roles, logs. The
first invocation of every version is cold, as in AWS; a payload of "fail" fails.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from moto.awslambda.models import LambdaBackend
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.config import default_user_config
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

COLD, WARM = Path(sys.argv[1]).read_text().splitlines()
started: set[str] = set()  # moto does not tell of which version: see delete_function


def invoke(self, function_name, qualifier, body, headers, response_headers):
    line = WARM if function_name in started else COLD
    started.add(function_name)
    log = f"START RequestId: 1 Version: 1\nEND RequestId: 1\n{line}\n"
    response_headers["x-amz-log-result"] = base64.b64encode(log.encode()).decode()
    if body == '"fail"':
        response_headers["x-amz-function-error"] = "Unhandled"
        return b'{"errorMessage": "no", "errorType": "KeyError"}'
    return b'{"message": "Hello"}'


def delete_function(self, function_name, qualifier):
    started.discard(function_name)  # each version is deleted before the next one starts
    LambdaBackend.delete_function(self, function_name, qualifier)


LambdaSimpleBackend.invoke = invoke
LambdaSimpleBackend.delete_function = delete_function
default_user_config["lambda"] = {"use_docker": False}
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()  # until the test is over
server.stop()
