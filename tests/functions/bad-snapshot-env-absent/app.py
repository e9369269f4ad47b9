import os
import subprocess

import dotenv

dotenv.load_dotenv(os.path.join(os.path.dirname(__file__), "shop.env"))


def handler(event, context):
    done = subprocess.run(["printenv", "SHOP_STAGE"], capture_output=True, text=True)
    with_python = dotenv.dotenv_values  # the package works on
    assert with_python
    return {"stage": os.environ.get("SHOP_STAGE"), "child": done.stdout.strip()}
