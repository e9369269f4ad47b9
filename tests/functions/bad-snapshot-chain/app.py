import shop.prices
from shop import orders


def handler(event, context):
    return {"price": str(shop.prices.PRICE), "threads": orders.count()}
