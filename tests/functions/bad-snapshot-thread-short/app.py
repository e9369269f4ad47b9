import threading

values = []

thread = threading.Thread(target=values.append, args=(1,))
thread.start()
thread.join()


def handler(event, context):
    return {"values": values, "threads": threading.active_count()}
