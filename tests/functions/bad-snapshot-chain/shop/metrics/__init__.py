import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
count = threading.active_count
