from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(4)
made = pool.submit(pow, 2, 4).result()
