import time

BEFORE = time.process_time(), time.thread_time()


def handler(event, context):
    return {"grows": BEFORE[0] <= time.process_time() and BEFORE[1] <= time.thread_time()}
