import sys

import shop.all


def handler(event, context):
    mine = [name for name in sys.modules if name.split(".")[0] == "shop"]
    return {"modules": len(mine), "sum": shop.all.total()}
