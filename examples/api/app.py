"""An HTTP API on DynamoDB, as people write it: client and router made at import."""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

logger = Logger(service="orders")
app = APIGatewayHttpResolver()
table = boto3.resource("dynamodb").Table(os.environ.get("TABLE", "orders"))


@app.get("/health")
def health():
    return {"table": table.name, "healthy": True}


@app.get("/orders/<number>")
def order(number: str):
    return table.get_item(Key={"number": number}).get("Item", {})


@logger.inject_lambda_context
def handler(event, context):
    return app.resolve(event, context)
