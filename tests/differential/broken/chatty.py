import logging

logging.warning("during init")
print("printed during init")
logging.getLogger().setLevel("INFO")


def handler(event, context):
    logging.info("in the handler")
    return "fine"
