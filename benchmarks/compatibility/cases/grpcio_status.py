"""A rich status through a call."""

from concurrent import futures

import grpc
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

EXPECTED = [5, "not here", "detail"]


def fail(request, context):
    status = status_pb2.Status(code=code_pb2.NOT_FOUND, message="not here")
    status.details.add().Pack(wrappers_pb2.StringValue(value="detail"))
    context.abort_with_status(rpc_status.to_status(status))


def use():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    methods = {"Fail": grpc.unary_unary_rpc_method_handler(fail)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Test", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary("/Test/Fail")(b"", timeout=10)
        except grpc.RpcError as error:
            status = rpc_status.from_call(error)
    server.stop(None).wait()
    detail = wrappers_pb2.StringValue()
    status.details[0].Unpack(detail)
    return [status.code, status.message, detail.value]
