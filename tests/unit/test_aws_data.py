"""Which of botocore's models travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_scripts import aws_data
from build_scripts.modules import DataFile
from native_bootstrap.errors import UsageError

PATHS = (
    "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
    "botocore/data/ec2/2016-11-15/service-2.json.gz",
    "botocore/data/endpoints.json",
    "botocore/data/sts/2011-06-15/service-2.json.gz",
    "boto3/data/dynamodb/2012-08-10/resources-1.json",
    "boto3/data/ec2/2016-11-15/resources-1.json",
    "botocore/cacert.pem",
    "templates/ec2/page.html",
)
DATA = [DataFile(path=path, file=Path("x")) for path in PATHS]


def selected(*services: str) -> list[str]:
    return [item.path for item in aws_data.select(DATA, services)]


def test_all_of_them_by_default():
    assert selected() == list(PATHS)


def test_those_that_are_named_and_those_for_credentials():
    assert selected("dynamodb") == [path for path in PATHS if "data/ec2" not in path]


@pytest.mark.parametrize(("name", "hint"), [("dynamo-db", "'dynamodb'"), ("zzz", "boto3.client")])
def test_an_unknown_service_is_an_error(name, hint):
    with pytest.raises(UsageError, match=f"no service '{name}'") as error:
        selected("ec2", name)
    assert hint in error.value.hint


def test_a_function_without_boto3():
    with pytest.raises(UsageError, match="does not require boto3"):
        aws_data.select(DATA[6:], ("s3",))
