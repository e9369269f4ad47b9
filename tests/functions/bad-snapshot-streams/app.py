import io
import sys

kept = sys.stdout
raw = sys.stdout.buffer


class Brackets(io.TextIOBase):
    def write(self, text):
        kept.write(text.replace("one", "[one]"))
        kept.flush()
        return len(text)


sys.stdout = Brackets()


def handler(event, context):
    print("one")
    raw.write(b"two\n")
    raw.flush()
    print("three", file=sys.__stdout__, flush=True)
    return {"encoding": kept.encoding, "buffered": raw is kept.buffer}
