import os
import subprocess
os.environ.setdefault("OMP_NUM_THREADS", "1")


def handler(event, context):
    child = subprocess.run(["printenv", "OMP_NUM_THREADS"], capture_output=True, text=True)
    return {"python": os.environ["OMP_NUM_THREADS"], "c": child.stdout.strip()}
