import ctypes

library = ctypes.CDLL(None)
library.getenv.restype = ctypes.c_char_p
STAGE = library.getenv(b"SHOP_STAGE") or b""


def handler(event, context):
    return {"stage": STAGE.decode()}
