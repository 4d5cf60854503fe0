"""`tf.train.Example` as protobuf itself reads and writes it, built without TensorFlow."""

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


def example_class() -> type[message.Message]:
    """Build the class from what tensorflow/core/example/{example,feature}.proto say."""
    file = descriptor_pb2.FileDescriptorProto(name="somtom_test_example.proto", package="t", syntax="proto3")
    lists = {
        "BytesList": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
        "FloatList": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
        "Int64List": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    }
    one, many, inner = 1, 3, descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    for name, kind in lists.items():
        file.message_type.add(name=name).field.add(name="value", number=1, label=many, type=kind)
    chosen = file.message_type.add(name="Feature")
    chosen.oneof_decl.add(name="kind")
    for number, (name, member) in enumerate(
        zip(lists, ("bytes_list", "float_list", "int64_list"), strict=True), start=1
    ):
        chosen.field.add(
            name=member, number=number, label=one, type=inner, type_name=f".t.{name}", oneof_index=0
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    entry.field.add(name="key", number=1, label=one, type=text)
    entry.field.add(name="value", number=2, label=one, type=inner, type_name=".t.Feature")
    features.field.add(name="feature", number=1, label=many, type=inner, type_name=".t.Features.FeatureEntry")
    whole = file.message_type.add(name="Example")
    whole.field.add(name="features", number=1, label=one, type=inner, type_name=".t.Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


EXAMPLE = example_class()
