import os
import subprocess

os.environ["SHOP_MODE"] = "batch"


def handler(event, context):
    command = ["sh", "-c", "echo $SHOP_MODE ${SHOP_OTHER--}"]
    child = subprocess.run(command, capture_output=True, text=True)
    other = os.environ.get("SHOP_OTHER", "-")
    return {"mode": os.environ["SHOP_MODE"], "other": other, "child": child.stdout.strip()}
