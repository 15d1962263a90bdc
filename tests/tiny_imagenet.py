"""ImageNet of seven files in its real formats, with its oddities."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from model_metamers.paper import load_table

WORDNET_IDS = load_table("imagenet_labels").wordnet_id.tolist()


def encoded(array, image_format, mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(array).convert(mode).save(buffer, image_format)
    return buffer.getvalue()


def photograph(seed, height, width):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


# (class, name, content): what ImageNet has, with its oddities.
FILES = [
    (3, "a.JPEG", encoded(photograph(0, 60, 80), "JPEG")),
    (3, "b.JPEG", encoded(photograph(1, 50, 40), "JPEG", "L")),  # grey
    (3, "c.JPEG", encoded(photograph(2, 40, 50), "JPEG", "CMYK")),
    (404, "d.JPEG", encoded(photograph(3, 40, 50), "PNG")),  # n02105855_2933 is one
    (404, "e.png", encoded(photograph(4, 64, 64), "PNG", "RGBA")),
    (999, "f.jpg", encoded(photograph(5, 30, 90), "JPEG")),
    (999, "g.jpg", encoded(photograph(6, 90, 30), "JPEG")),
]


def write_folder(folder, files=FILES):
    """Write a sub-folder of images for every class there is."""
    for label, name, content in files:
        (folder / WORDNET_IDS[label]).mkdir(exist_ok=True, parents=True)
        (folder / WORDNET_IDS[label] / name).write_bytes(content)


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=value))


def write_records(path, files, first_label=1):
    """Write records with the keys of TF-Slim's build_imagenet_data.py."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for label, name, content in files:
            values = {
                "image/encoded": content, "image/format": b"JPEG", "image/filename": name.encode(),
                "image/colorspace": b"RGB", "image/channels": 3, "image/height": 1,
                "image/width": 1, "image/class/label": label + first_label,
                "image/class/synset": WORDNET_IDS[label].encode(), "image/class/text": b"",
                "image/object/bbox/xmin": [0.1, 0.2], "image/object/bbox/xmax": [],
            }  # fmt: skip
            features = {name: feature(value) for name, value in values.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return path
