"""Asks a TLS server, with the trust store that the environment names or the image has."""

import ssl
import urllib.request


def handler(event, context):
    try:
        with urllib.request.urlopen(event["url"], timeout=10) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except OSError as error:
        return {"error": str(error), "paths": ssl.get_default_verify_paths()._asdict()}
