import logging

file = logging.FileHandler("/tmp/bad-snapshot.log", mode="w")
log = logging.getLogger("shop")
log.addHandler(file)
