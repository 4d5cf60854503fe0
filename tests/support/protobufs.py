"""Message classes that protobuf itself builds from their published field numbers: the independent reader."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# message -> field -> (number, type, repeated); a type in capitals is a message, "map:X" a map of texts to X.
Messages = Mapping[str, Mapping[str, tuple[int, str, bool]]]

# tensorflow/core/example/example.proto and feature.proto
EXAMPLE: Messages = {
    "BytesList": {"value": (1, "bytes", True)},
    "FloatList": {"value": (1, "float", True)},
    "Int64List": {"value": (1, "int64", True)},
    "Feature": {
        "bytes_list": (1, "BytesList", False),
        "float_list": (2, "FloatList", False),
        "int64_list": (3, "Int64List", False),
    },
    "Features": {"feature": (1, "map:Feature", True)},
    "Example": {"features": (1, "Features", False)},
}


def message_class(messages: Messages, name: str) -> Any:
    """Build the class of one of the messages."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"somtom_{name}.proto", package="t", syntax="proto3")
    for message, fields in messages.items():
        drawn = file.message_type.add(name=message)
        for member, (number, kind, repeated) in fields.items():
            label = types.LABEL_REPEATED if repeated else types.LABEL_OPTIONAL
            if kind.startswith("map:"):
                entry = drawn.nested_type.add(name=f"{member.title()}Entry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, label=types.LABEL_OPTIONAL, type=types.TYPE_STRING)
                value = f".t.{kind.removeprefix('map:')}"
                entry.field.add(
                    name="value",
                    number=2,
                    label=types.LABEL_OPTIONAL,
                    type=types.TYPE_MESSAGE,
                    type_name=value,
                )
                kind = f"{message}.{entry.name}"
            if kind[0].isupper():
                drawn.field.add(
                    name=member, number=number, label=label, type=types.TYPE_MESSAGE, type_name=f".t.{kind}"
                )
            else:
                drawn.field.add(
                    name=member, number=number, label=label, type=types.Type.Value(f"TYPE_{kind.upper()}")
                )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))


def read_example(payload: bytes) -> dict[str, list[Any]]:
    """Read a `tf.train.Example`: its values by the names of its features."""
    parsed = message_class(EXAMPLE, "Example").FromString(payload)
    return {
        key: [*one.bytes_list.value, *one.float_list.value, *one.int64_list.value]
        for key, one in parsed.features.feature.items()
    }


def framed_payloads(data: bytes) -> list[bytes]:
    """Payloads of an uncompressed TFRecord file, whose checksums are not looked at."""
    payloads, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        payloads.append(data[at + 12 : at + 12 + length])
        at += length + 16
    return payloads
