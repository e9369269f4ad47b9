import os

HERE = os.getcwd()


def handler(event, context):
    return {"here": HERE, "file": __file__}
