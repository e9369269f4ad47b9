import os

PASSWORD = os.environ.get("SHOP_PASSWORD", "")


def handler(event, context):
    return {"password": PASSWORD, "token": os.environ.get("SHOP_TOKEN", "")}
