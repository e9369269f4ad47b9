import concurrent.futures.thread

import work


def handler(event, context):
    return {"made": work.made, "now": work.pool.submit(pow, 3, 4).result()}
