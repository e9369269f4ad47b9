"""Real Lambda: functions whose every version starts cold once. All that is made here carries a tag
and a name with the run in it, and `sweep` removes by these two, after an interruption too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from build_scripts.bench import aws_lines
from native_bootstrap.errors import ToolError, UsageError

if TYPE_CHECKING:
    from build_scripts.bench.aws_lines import Report

T = TypeVar("T")
TAG = "native-bootstrap-bench"
ROLE_PATH = "/native-bootstrap-bench/"
LOG_GROUPS = "/aws/lambda/"
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "arm64"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}
POLICY_NAME = "logs"
DIRECT_UPLOAD = 50 * 1024 * 1024  # bytes; beyond that Lambda wants a bucket
NEW_ROLE_SECONDS = 60.0  # until all of AWS knows of it


@dataclass(frozen=True, kw_only=True)
class Function:
    """What is deployed."""

    name: str
    archive: bytes
    runtime: str
    handler: str
    memory: int
    environ: Mapping[str, str]
    arch: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One invocation as AWS tells of it; ``failed``: the function's error, or ""."""

    report: Report | None
    failed: str


class Cloud:
    """The calls that a run makes. ``run``: part of every name."""

    def __init__(self, run: str) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise UsageError(
                "--target aws needs boto3", hint="pip install 'native-bootstrap[aws]'"
            ) from None
        config = Config(retries={"max_attempts": 10, "mode": "adaptive"}, read_timeout=900)
        self.run = run
        session = boto3.Session()
        if session.region_name is None:
            raise UsageError("no AWS region", hint="set AWS_REGION, or region in ~/.aws/config")
        self.region: str = session.region_name
        self._lambda = session.client("lambda", config=config)
        self._iam = session.client("iam", config=config)
        self._logs = session.client("logs", config=config)
        self._sts = session.client("sts", config=config)

    @property
    def prefix(self) -> str:
        """How the names of this run begin."""
        return f"nb-bench-{self.run}-"

    @property
    def tags(self) -> dict[str, str]:
        return {TAG: self.run}

    def account(self) -> str:
        """Whose account it is; ToolError without credentials that work."""
        return str(
            _call("asking whose credentials these are", self._sts.get_caller_identity)["Account"]
        )

    def create_role(self) -> str:
        """A role that may write logs and nothing else: its ARN."""
        name = f"{self.prefix}role"
        found = _call(
            "creating a role",
            self._iam.create_role,
            RoleName=name,
            Path=ROLE_PATH,
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
        )
        _call("giving it a policy", self._iam.put_role_policy,
              RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(POLICY))  # fmt: skip
        return str(found["Role"]["Arn"])

    def create(self, function: Function, role: str) -> None:
        """Returns when it can be invoked. The log group first: Lambda would make one for ever."""
        group = LOG_GROUPS + function.name
        _call(
            "creating a log group", self._logs.create_log_group, logGroupName=group, tags=self.tags
        )
        _call(
            "its retention", self._logs.put_retention_policy, logGroupName=group, retentionInDays=1
        )
        end = time.monotonic() + NEW_ROLE_SECONDS
        while True:
            try:
                self._lambda.create_function(
                    FunctionName=function.name,
                    Runtime=function.runtime,
                    Handler=function.handler,
                    Role=role,
                    Code={"ZipFile": function.archive},
                    MemorySize=function.memory,
                    Timeout=60,
                    Architectures=[function.arch],
                    Environment={"Variables": dict(function.environ)},
                    Tags=self.tags,
                )
                break
            except Exception as error:
                if "cannot be assumed" not in str(error) or time.monotonic() > end:
                    raise _refused(f"creating {function.name}", error) from error
                time.sleep(2)
        waiter = self._lambda.get_waiter("function_active_v2")
        _call(f"waiting for {function.name}", waiter.wait, FunctionName=function.name)

    def new_version(self, name: str, number: int) -> str:
        """A version that no process has run yet: its first invocation is a cold start."""
        told = f"start {number}"
        _call(f"changing {name}", self._lambda.update_function_configuration,
              FunctionName=name, Description=told)  # fmt: skip
        _call(f"waiting for {name}", self._lambda.get_waiter("function_updated_v2").wait,
              FunctionName=name)  # fmt: skip
        found = _call(f"publishing {name}", self._lambda.publish_version, FunctionName=name)
        version = str(found["Version"])
        _call(f"waiting for {name}:{version}", self._lambda.get_waiter("function_active_v2").wait,
              FunctionName=name, Qualifier=version)  # fmt: skip
        return version

    def invoke(self, name: str, version: str, event: bytes) -> Answer:
        found = _call(
            f"invoking {name}",
            self._lambda.invoke,
            FunctionName=name,
            Qualifier=version,
            LogType="Tail",
            Payload=event,
        )
        failed = ""
        if found.get("FunctionError"):
            body = found["Payload"].read().decode("utf-8", "replace")
            failed = f"{found['FunctionError']}: {body[:300]}"
        return Answer(report=aws_lines.from_tail(found.get("LogResult", "")), failed=failed)

    def delete_version(self, name: str, version: str) -> None:
        _call(f"deleting {name}:{version}", self._lambda.delete_function,
              FunctionName=name, Qualifier=version)  # fmt: skip

    def sweep(self) -> list[str]:
        """Remove what this run (or, without one, any) has made: what was removed."""
        start = self.prefix if self.run else "nb-bench-"
        removed = []
        for name in list(self._functions(start)):
            _call(f"deleting {name}", self._lambda.delete_function, FunctionName=name)
            removed.append(f"function {name}")
        for name in list(self._log_groups(LOG_GROUPS + start)):
            _call(f"deleting {name}", self._logs.delete_log_group, logGroupName=name)
            removed.append(f"log group {name}")
        for name in list(self._roles(start)):
            found = _call("its policies", self._iam.list_role_policies, RoleName=name)
            for policy in found["PolicyNames"]:
                _call("deleting its policy", self._iam.delete_role_policy,
                      RoleName=name, PolicyName=policy)  # fmt: skip
            _call(f"deleting {name}", self._iam.delete_role, RoleName=name)
            removed.append(f"role {name}")
        return removed

    def _functions(self, start: str) -> Iterator[str]:
        for page in self._lambda.get_paginator("list_functions").paginate():
            for found in page["Functions"]:
                tags = self._lambda.list_tags(Resource=found["FunctionArn"])["Tags"]
                if found["FunctionName"].startswith(start) and TAG in tags:
                    yield found["FunctionName"]

    def _log_groups(self, start: str) -> Iterator[str]:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=start)
        for page in pages:
            for found in page["logGroups"]:
                yield found["logGroupName"]

    def _roles(self, start: str) -> Iterator[str]:
        for page in self._iam.get_paginator("list_roles").paginate(PathPrefix=ROLE_PATH):
            for found in page["Roles"]:
                if found["RoleName"].startswith(start):
                    yield found["RoleName"]


def function_name(prefix: str, *parts: object) -> str:
    """Of what Lambda allows: letters, digits, - and _, 64 at most."""
    words = "-".join(str(part) for part in parts)
    return (prefix + re.sub(r"[^A-Za-z0-9_-]+", "-", words))[:64]


def _call(what: str, call: Callable[..., T], **arguments: Any) -> T:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(**arguments)
    except (BotoCoreError, ClientError) as error:
        raise _refused(what, error) from error


def _refused(what: str, error: Exception) -> ToolError:
    return ToolError(
        f"AWS, {what}: {error}",
        hint="what was made is removed; see also bench --target aws --sweep",
    )
