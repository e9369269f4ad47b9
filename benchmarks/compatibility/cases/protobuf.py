"""Messages of a schema made at run time."""

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

EXPECTED = ["0a02686910ac02", {"text": "hi", "number": 300}]


def use():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
    kind = file.message_type.add(name="Message")
    kind.field.add(name="text", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    kind.field.add(name="number", number=2, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("a.Message"))
    data = message(text="hi", number=300).SerializeToString()
    again = message.FromString(data)
    return [data.hex(), json_format.MessageToDict(again)]
