import os

SETTINGS = {name: value for name, value in os.environ.items() if name.startswith("SHOP_")}


def handler(event, context):
    return {"settings": SETTINGS}
