"""The compiled binary protocol."""

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer

EXPECTED = ["0b000100000002686908000200000007" + "00", ["hi", 7], True]


class Message:
    thrift_spec = (
        None,
        (1, TType.STRING, "text", "UTF8", None),
        (2, TType.I32, "number", None, None),
    )

    def __init__(self, text=None, number=None):
        self.text, self.number = text, number


def use():
    out = TMemoryBuffer()
    protocol = TBinaryProtocolAccelerated(out, fallback=False)
    spec = [Message, Message.thrift_spec]
    out.write(protocol._fast_encode(Message("hi", 7), spec))
    again = TBinaryProtocolAccelerated(TMemoryBuffer(out.getvalue()), fallback=False)
    found = Message()
    again._fast_decode(found, again, spec)
    return [out.getvalue().hex(), [found.text, found.number], protocol._fast_encode is not None]
