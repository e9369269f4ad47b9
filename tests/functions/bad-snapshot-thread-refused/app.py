import threading

done = threading.Event()

try:
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    background = True
except Exception:
    background = False


def handler(event, context):
    return {"background": background}
