"""State dicts as PyTorch writes them, in both of its formats, and in ways that it never would.

The pickles are put together from instructions of protocol 2, so that no PyTorch is needed and
every wrong one can be written too.
"""

import struct
import zipfile
from io import BytesIO

STORAGE_NAMES = {
    "float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage",
    "int64": "LongStorage", "int32": "IntStorage", "int16": "ShortStorage", "int8": "CharStorage",
    "uint8": "ByteStorage", "bool": "BoolStorage",
}  # fmt: skip


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    n_bytes = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([n_bytes]) + value.to_bytes(n_bytes, "little", signed=True)


def sequence(*parts):
    return b"(" + b"".join(parts) + b"t"


def named(module, name):
    return b"c" + f"{module}\n{name}\n".encode()


def called(function, *arguments):
    return function + sequence(*arguments) + b"R"


def pickled(content):
    return b"\x80\x02" + content + b"."


ORDERED_DICT = named("collections", "OrderedDict")
REBUILD = named("torch._utils", "_rebuild_tensor_v2")


def storage(key, count, dtype="float32", rest=b""):
    kind = named("torch", STORAGE_NAMES[dtype])
    return sequence(text("storage"), kind, text(key), text("cpu"), number(count), rest) + b"Q"


def tensor(stored, offset, shape, strides):
    """Return the description of a tensor, as instructions."""
    shape, strides = (sequence(*map(number, values)) for values in (shape, strides))
    hooks = called(ORDERED_DICT)
    return called(REBUILD, stored, number(offset), shape, strides, b"\x89", hooks)


def state(tensors):
    """Return the description of a state dict, with the metadata that modules append."""
    items = b"".join(text(name) + described for name, described in tensors.items())
    metadata = b"}" + text("_metadata") + called(ORDERED_DICT) + b"s"
    return pickled(called(ORDERED_DICT) + b"(" + items + b"u" + metadata + b"b")


def zipped(data, storages, compression=zipfile.ZIP_STORED, byte_order=b"little"):
    """Return a file in the format since 1.6: `data` is the pickle, `storages` key -> bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", byte_order)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def legacy(data, storages, counts=None, little_endian=b"\x88"):
    """Return a file in the older format; `counts` where they are not those of float32."""
    counts = counts or {key: len(content) // 4 for key, content in storages.items()}
    machine = b"}(" + text("protocol_version") + number(1001)
    machine += text("little_endian") + little_endian + b"u"
    keys = b"](" + b"".join(map(text, storages)) + b"e"
    parts = [pickled(number(0x1950A86A20F9469CFC6C)), pickled(number(1001)), pickled(machine)]
    parts += [data, pickled(keys)]
    for key, content in storages.items():
        parts += [struct.pack("<q", counts[key]), content]
    return b"".join(parts)


FORMATS = {"zip": zipped, "legacy": legacy}


def state_dict_file(arrays, file_format):
    """Return a file of contiguous arrays, one storage each."""
    tensors, storages, counts = {}, {}, {}
    for index, (name, values) in enumerate(arrays.items()):
        key, contiguous = str(index), values.copy("C")
        strides = [stride // values.itemsize for stride in contiguous.strides]
        described = storage(key, values.size, str(values.dtype), b"N" * (file_format == "legacy"))
        tensors[name] = tensor(described, 0, values.shape, strides)
        storages[key], counts[key] = contiguous.tobytes(), values.size
    if file_format == "zip":
        return zipped(state(tensors), storages)
    return legacy(state(tensors), storages, counts)
