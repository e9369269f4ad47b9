import multiprocessing

lock = multiprocessing.get_context("fork").Lock()
pool = multiprocessing.get_context("fork").Pool(1)


def square(number):
    return number * number


def handler(event, context):
    with lock:
        return {"values": pool.map(abs, [1, -4, 9]), "locked": True}
