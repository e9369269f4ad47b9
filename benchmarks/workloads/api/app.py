"""An endpoint behind API Gateway: takes an order as JSON, checks it, logs, answers JSON."""

import json
import logging
from datetime import datetime, timezone
from decimal import Decimal

logger = logging.getLogger("orders")
logger.setLevel(logging.INFO)


def handler(event, context):
    http = event["requestContext"]["http"]
    logger.info("%s %s", http["method"], event["rawPath"])
    try:
        order = json.loads(event["body"], parse_float=Decimal)
        lines = [(line["sku"], int(line["count"]), line["price"]) for line in order["lines"]]
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("refused: %r", error)
        return _answer(400, {"error": f"not an order: {error!r}"})
    total = sum((count * price for _, count, price in lines), Decimal())
    logger.info("order of %d lines, %s", len(lines), total)
    taken = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return _answer(201, {"customer": order["customer"], "total": str(total), "taken": taken})


def _answer(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
