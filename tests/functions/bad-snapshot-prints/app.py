import sys

print("loading", end=" ... ")


def handler(event, context):
    print("from the handler")
    sys.stdout.write("and more\n")
    return {"ok": True}
