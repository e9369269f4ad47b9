import threading

lock = threading.Lock()
lock.acquire()
mine = threading.RLock()
mine.acquire()
condition = threading.Condition()
seats = threading.Semaphore(1)
seats.acquire()


def handler(event, context):
    held = lock.locked()
    if held:
        lock.release()
    owned = mine._is_owned()
    mine.release()
    mine.acquire()
    left = int(seats.acquire(blocking=False))
    other = threading.Thread(target=lambda: [condition.acquire(), condition.notify(), condition.release()])
    with condition:
        other.start()
        waited = condition.wait(5)
    other.join()
    return {"lock": held, "mine": owned, "left": left, "waited": waited}
