import faulthandler
import os
import tempfile

faulthandler.enable()


def handler(event, context):
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if child == 0:
            os.dup2(file.fileno(), 2)
            faulthandler._sigsegv()
        status = os.waitpid(child, 0)[1]
        file.seek(0)
        said = file.readline().decode().strip()
    return {"said": said, "signal": os.WTERMSIG(status)}
