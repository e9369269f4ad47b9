import os
import ssl

VALUE = (os.urandom(8) + os.getrandom(8) + ssl.RAND_bytes(8)).hex()
