"""One item of a DynamoDB table; client and table are made at import, as AWS's own samples do it."""

import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    if "number" not in event:  # a health check: no request
        return {"table": table.name}
    item = table.get_item(Key={"number": event["number"]}).get("Item")
    return {"statusCode": 200 if item else 404, "customer": item and item["customer"]}
