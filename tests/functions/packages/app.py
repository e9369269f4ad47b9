"""Uses every pure-Python dependency for what it is for."""

import importlib.metadata
import importlib.resources
import inspect
import os
import pkgutil

import boto3
import dateutil.parser
import dateutil.tz
import dateutil.zoneinfo
import jinja2
import requests
import yaml
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from jinja2 import Environment, PackageLoader

import shop
from shop.greeting import greeting

logger = Logger(service="tests")
api = APIGatewayRestResolver()


@api.get("/hello/<name>")
def hello(name):
    return {"greeting": greeting(name)}


def handler(event, context):
    return globals()["use_" + event["use"]](event, context)


def use_boto3(event, context):
    client = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    url = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
    services = boto3.session.Session().get_available_services()
    return {"url": url.split("?")[0], "services": len(services), "dynamodb": "dynamodb" in services}


def use_requests(event, context):
    answer = requests.get(event["url"], timeout=10)
    return {
        "json": answer.json(),
        "agent": answer.request.headers["User-Agent"],
        "bundle": os.path.getsize(requests.certs.where()),
    }


def use_jinja2(event, context):
    environment = Environment(loader=PackageLoader("shop"), autoescape=True)
    return environment.get_template("hello.html").render(name="<you>")


def use_yaml(event, context):
    return {"loaded": yaml.safe_load("a: [1, 2]"), "dumped": yaml.safe_dump({"b": None})}


def use_dateutil(event, context):
    parsed = dateutil.parser.isoparse("2026-11-22T10:00:00Z")
    packaged = dateutil.zoneinfo.get_zonefile_instance().get("Europe/Berlin")
    zones = (dateutil.tz.gettz("Europe/Berlin"), packaged)
    return [parsed.astimezone(zone).isoformat() for zone in zones]


def use_powertools(event, context):
    logger.info("from powertools")
    return api.resolve({"httpMethod": "GET", "path": "/hello/you", "headers": {}}, context)


def use_resources(event, context):
    files = importlib.resources.files("shop")
    return {
        "read": (files / "templates" / "hello.html").read_text(),
        "listed": sorted(entry.name for entry in files.iterdir()),
        "pkgutil": pkgutil.get_data("shop", "templates/hello.html").decode(),
        "modules": [module.name for module in pkgutil.iter_modules(shop.__path__)],
        "top": "shop" in {module.name for module in pkgutil.iter_modules()},
        "version": importlib.metadata.version("requests"),
        "needs": sorted(importlib.metadata.requires("python-dateutil")),
        "dependency": [module.name for module in pkgutil.walk_packages(jinja2.__path__)],
        "folders": [
            importlib.resources.files("botocore").joinpath(name).is_dir()
            for name in ("retries", "data", "none", "session.py")
        ],
        "model": len((importlib.resources.files("botocore") / "data/endpoints.json").read_bytes()),
        "versions": {
            found.name.lower(): found.version for found in importlib.metadata.distributions()
        },
        "summary": importlib.metadata.metadata("boto3")["Summary"],
        "source": inspect.getsource(greeting),
        "own": inspect.getsource(use_yaml).splitlines()[0],
        "module": inspect.getsource(shop.greeting).splitlines()[0],
    }
