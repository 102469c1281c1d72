"""Records of RecordIO with protobuf messages in them, without protobuf unless a message class is asked for."""

from optml.codec import recordio

FILE = "aialgs_record.proto"
PACKAGE = "aialgs.data"
MAGIC = 0xCED7230A

# Field numbers by message: (name, number, type, is repeated, is packed).
TENSORS = {"Float32Tensor": "FLOAT", "Float64Tensor": "DOUBLE", "Int32Tensor": "INT32"}
MESSAGES = (*TENSORS, "Bytes", "Value", "Record")


def resolve_type(dtype):
    """The kind of tensor that holds an array of a dtype."""
    import numpy

    for kind, name in (("int64", "Int32"), ("float64", "Float64"), ("float32", "Float32")):
        if dtype == numpy.dtype(kind):
            return name
    raise ValueError("Unsupported dtype {} on array".format(dtype))


def write_dense(file, array, labels=None):
    """Writes one record for each row of a matrix."""
    if len(array.shape) != 2:
        raise ValueError("Array must be a Matrix")
    check_labels(array, labels)
    file.write(recordio.dense(array, labels))


def write_sparse(file, array, labels=None):
    """Writes one record for each row of a sparse matrix."""
    if not hasattr(array, "tocsr"):
        raise TypeError("Array must be sparse")
    if len(array.shape) != 2:
        raise ValueError("Array must be a Matrix")
    check_labels(array, labels)
    file.write(recordio.sparse(array, labels))


def check_labels(array, labels):
    if labels is None:
        return
    if len(labels.shape) != 1:
        raise ValueError("Labels must be a Vector")
    if labels.shape[0] != array.shape[0]:
        raise ValueError("Label shape {} not compatible with array shape {}".format(labels.shape, array.shape))


def write_record(file, data):
    """Writes one record: its mark, its length, and padding to a multiple of 4 bytes around it."""
    file.write(recordio.write_record(data))


def read_records(file):
    """The records of a file, one after the other."""
    while True:
        head = file.read(8)
        if not head:
            return
        magic, length = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:8], "little")
        if len(head) < 8 or magic != MAGIC:
            raise ValueError("no record begins here: {}".format(head.hex()))
        data = file.read(length)
        if len(data) < length:
            raise ValueError("a record of {} bytes ends after {}".format(length, len(data)))
        yield data
        file.read(-length % 4)


def message_classes():
    """The classes of protobuf messages by name. Needs the package protobuf."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise ImportError(
            "record_pb2 needs the package protobuf, which is not installed\nhint: pip install protobuf; encoders and "
            "decoders work without it",
            name="google.protobuf",
        ) from error
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto2")

    def message(parent, name):
        return parent.add(name=name)

    def add(parent, name, number, kind, repeated=False, type_name=None, oneof=None):
        label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        new = parent.field.add(name=name, number=number, label=label, type=getattr(field, "TYPE_" + kind))
        if repeated and kind not in ("MESSAGE", "BYTES", "STRING"):
            new.options.packed = True
        if type_name is not None:
            new.type_name = "." + PACKAGE + "." + type_name
        if oneof is not None:
            new.oneof_index = oneof

    for name, kind in TENSORS.items():
        tensor = message(file.message_type, name)
        add(tensor, "values", 1, kind, repeated=True)
        add(tensor, "keys", 2, "UINT64", repeated=True)
        add(tensor, "shape", 3, "UINT64", repeated=True)
    plain = message(file.message_type, "Bytes")
    add(plain, "value", 1, "BYTES", repeated=True)
    add(plain, "content_type", 2, "STRING")
    value = message(file.message_type, "Value")
    value.oneof_decl.add(name="value")
    for name, number, kind in (
        ("float32_tensor", 2, "Float32Tensor"),
        ("float64_tensor", 3, "Float64Tensor"),
        ("int32_tensor", 7, "Int32Tensor"),
        ("bytes", 9, "Bytes"),
    ):
        add(value, name, number, "MESSAGE", type_name=kind, oneof=0)
    record = message(file.message_type, "Record")
    for name, number, entry in (("features", 1, "FeaturesEntry"), ("label", 2, "LabelEntry")):
        nested = message(record.nested_type, entry)
        nested.options.map_entry = True
        add(nested, "key", 1, "STRING")
        add(nested, "value", 2, "MESSAGE", type_name="Value")
        add(record, name, number, "MESSAGE", repeated=True, type_name="Record." + entry)
    for name, number in (("uid", 3), ("metadata", 4), ("configuration", 5)):
        add(record, name, number, "STRING")

    # A pool of its own: others, the SageMaker SDK among them, register the same messages in the common one.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    described = {name: pool.FindMessageTypeByName(PACKAGE + "." + name) for name in MESSAGES}
    if hasattr(message_factory, "GetMessageClass"):
        classes = {name: message_factory.GetMessageClass(found) for name, found in described.items()}
    else:
        factory = message_factory.MessageFactory(pool)
        classes = {name: factory.GetPrototype(found) for name, found in described.items()}
    classes["DESCRIPTOR"] = described["Record"].file
    return classes


_loaded: dict[str, object] = {}


def message_class(module, name):
    """What `record_pb2.NAME` is; the classes are made when the first of them is asked for."""
    if name not in MESSAGES and name != "DESCRIPTOR":
        raise AttributeError("module {!r} has no attribute {!r}".format(module, name))
    if not _loaded:
        _loaded.update(message_classes())
    return _loaded[name]
