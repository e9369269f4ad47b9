"""A server and a client on the loopback, unary and streaming."""

from concurrent import futures

import grpc

EXPECTED = ["HELLO", ["0", "1", "2"], "NOT_FOUND"]


def shout(request, context):
    if not request:
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing")
    return request.upper()


def count(request, context):
    yield from (str(number).encode() for number in range(int(request)))


def use():
    server = grpc.server(futures.ThreadPoolExecutor(2))
    methods = {
        "Shout": grpc.unary_unary_rpc_method_handler(shout),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Test", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/Test/Shout")
        said = call(b"hello", timeout=10).decode()
        counted = [item.decode() for item in channel.unary_stream("/Test/Count")(b"3", timeout=10)]
        try:
            call(b"", timeout=10)
            code = "OK"
        except grpc.RpcError as error:
            code = error.code().name
    server.stop(None).wait()
    return [said, counted, code]
