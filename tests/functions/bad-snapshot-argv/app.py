import sys

ARGV = list(sys.argv)


def handler(event, context):
    return {"same": ARGV == sys.argv, "argv": ARGV, "program": sys.executable}
