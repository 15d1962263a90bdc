"""Photographs as stimuli: every kind of file, the crop, folders, and names fit for files."""

import shutil
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ExifTags, Image

from model_metamers.stimuli import folders
from model_metamers.stimuli.images import (
    distinct_image_files,
    image_files,
    image_ids,
    load_image,
    load_image_folder,
    resize_images,
)
from model_metamers.stimuli.stimulus_set import StimulusSet, first_distinct

SIZE_PX = 12
PIXELS = np.random.default_rng(0).integers(0, 256, (SIZE_PX, SIZE_PX, 3), np.uint8)
CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
EIGHT_BITS = 0.5 / 255 + 1e-6  # a 16-bit value is rounded to one of 256


def save(path, pixels=PIXELS, mode=None, **options):
    """Write pixels as an image file, converted to `mode` where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def grey_ramp_16_bit():
    return np.linspace(0, 65535, SIZE_PX**2).astype(np.uint16).reshape(SIZE_PX, SIZE_PX)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "PNG"])
def test_a_picture_of_the_right_size_is_kept_exactly(suffix, tmp_path):
    image = load_image(save(tmp_path / f"a.{suffix}"), SIZE_PX)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, PIXELS.astype(np.float32) / 255)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK"])
def test_modes_without_transparency_become_rgb(mode, tmp_path):
    image = load_image(save(tmp_path / "a.tif", mode=mode), SIZE_PX)
    expected = Image.fromarray(PIXELS).convert(mode).convert("RGB")
    np.testing.assert_array_equal(image, np.asarray(expected, np.float32) / 255)
    if mode != "CMYK":
        assert (image == image[..., :1]).all()


def test_transparent_pixels_lie_on_white(tmp_path):
    alpha = np.full((SIZE_PX, SIZE_PX, 1), 255, np.uint8)
    alpha[0], alpha[1] = 0, 51
    image = load_image(save(tmp_path / "a.png", np.concatenate([PIXELS, alpha], 2)), SIZE_PX)
    opacity = alpha / 255
    expected = opacity * PIXELS / 255 + (1 - opacity)
    np.testing.assert_allclose(image, expected, atol=1 / 255)  # PIL composites in 8 bits
    assert (image[0] == 1).all()


def test_transparent_grey_lies_on_white(tmp_path):
    pixels = np.zeros((SIZE_PX, SIZE_PX, 2), np.uint8)
    pixels[3:, :, 1] = 255
    image = load_image(save(tmp_path / "a.png", pixels), SIZE_PX)
    assert (image[:3] == 1).all() and (image[3:] == 0).all()


@pytest.mark.parametrize("suffix", ["png", "gif"])
@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_show_their_colours(transparent, suffix, tmp_path):
    image = Image.new("P", (SIZE_PX, SIZE_PX), 1)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(0, (0, 0, SIZE_PX, 2))
    image.save(tmp_path / f"a.{suffix}", **({"transparency": 0} if transparent else {}))
    loaded = load_image(tmp_path / f"a.{suffix}", SIZE_PX)
    assert (loaded[:2] == ((1, 1, 1) if transparent else (0, 0, 1))).all()
    assert (loaded[2:] == (1, 0, 0)).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_of_grey_span_the_same_range_as_eight(suffix, tmp_path):
    ramp = grey_ramp_16_bit()
    image = load_image(save(tmp_path / f"a.{suffix}", ramp), SIZE_PX)
    expected = np.repeat(ramp[..., None] / 65535, 3, axis=-1)
    np.testing.assert_allclose(image, expected, atol=EIGHT_BITS)


def test_the_byte_order_of_sixteen_bits_does_not_matter(tmp_path):
    ramp = grey_ramp_16_bit()
    save(tmp_path / "big.tif", ramp.astype(">u2"))
    save(tmp_path / "little.tif", ramp)
    np.testing.assert_array_equal(
        load_image(tmp_path / "big.tif", SIZE_PX), load_image(tmp_path / "little.tif", SIZE_PX)
    )


def test_the_transparent_value_of_sixteen_bits_is_white(tmp_path):
    ramp = grey_ramp_16_bit()
    image = load_image(save(tmp_path / "a.png", ramp, transparency=int(ramp[0, 0])), SIZE_PX)
    assert (image[0, 0] == 1).all()
    np.testing.assert_allclose(image[0, 1], ramp[0, 1] / 65535, atol=EIGHT_BITS)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_values_of_unknown_range_are_refused(dtype, tmp_path):
    save(tmp_path / "a.tif", PIXELS[..., 0].astype(dtype))
    with pytest.raises(ValueError, match=r"a\.tif .*32 bits .*save it with 8 or 16"):
        load_image(tmp_path / "a.tif", SIZE_PX)


@pytest.mark.parametrize(("width", "height"), [(7, 7), (7, 100), (100, 7), (1, 1)])
def test_a_tiny_image_is_refused(width, height, tmp_path):
    save(tmp_path / "a.png", np.zeros((height, width, 3), np.uint8))
    with pytest.raises(ValueError, match=rf"a\.png is {width} x {height} px; .* at least 8 px"):
        load_image(tmp_path / "a.png", SIZE_PX)


def test_eight_pixels_are_enough(tmp_path):
    flat = np.full((8, 9, 3), 51, np.uint8)
    image = load_image(save(tmp_path / "a.png", flat), SIZE_PX)
    np.testing.assert_array_equal(image, np.full((SIZE_PX, SIZE_PX, 3), np.float32(51) / 255))


@pytest.mark.parametrize("extra", [1, 2, 7, 8])
def test_the_square_is_cut_from_the_centre(extra, tmp_path):
    """The marked square stands between margins; an odd margin is larger on the far side."""
    before, after = extra // 2, extra - extra // 2
    wide = np.pad(PIXELS, [(0, 0), (before, after), (0, 0)], constant_values=255)
    expected = PIXELS.astype(np.float32) / 255
    np.testing.assert_array_equal(load_image(save(tmp_path / "w.png", wide), SIZE_PX), expected)
    tall = wide.transpose(1, 0, 2)
    np.testing.assert_array_equal(
        load_image(save(tmp_path / "t.png", tall), SIZE_PX), expected.transpose(1, 0, 2)
    )


def test_half_the_size_averages_with_the_bilinear_filter(tmp_path):
    """Away from the border each pixel of the result is a [1, 3, 3, 1] / 8 average both ways."""
    pixels = np.random.default_rng(1).integers(0, 256, (2 * SIZE_PX, 2 * SIZE_PX, 3), np.uint8)
    image = load_image(save(tmp_path / "a.png", pixels), SIZE_PX)
    kernel = np.array([1, 3, 3, 1]) / 8
    window = pixels[3:7, 5:9] / 255  # around the result's pixel [2, 3]
    expected = np.einsum("i,j,ijc->c", kernel, kernel, window)
    np.testing.assert_allclose(image[2, 3], expected, atol=1.5 / 255)  # two 8-bit roundings


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def header_broken(path):
    path.write_bytes(path.read_bytes()[:20])


def text(path):
    path.write_text("no image")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("damage", [truncated, emptied, header_broken, text])
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_an_unreadable_file_is_named_in_one_line(suffix, damage, tmp_path):
    path = save(tmp_path / f"a.{suffix}")
    damage(path)
    with pytest.raises(ValueError, match=r"is not a readable image .*replace or remove") as error:
        load_image(path, SIZE_PX)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.png"):
        load_image(tmp_path / "absent.png", SIZE_PX)


@pytest.fixture
def classes(tmp_path):
    """Three cats, one dog, two owls; a folder without images and other files beside them."""
    folder = tmp_path / "stimuli"
    for value, name in enumerate(["cat/1", "cat/2", "cat/3", "dog/1", "owl/1", "owl/2"]):
        save(folder / f"{name}.png", np.full((8, 8, 3), value, np.uint8))
    (folder / "empty").mkdir()
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "README.md").write_text("no image")
    return folder


def test_a_sub_folder_is_a_class_and_classes_take_turns(classes):
    stimuli = load_image_folder(classes, 8)
    assert stimuli.labels == ("cat", "dog", "owl", "cat", "owl", "cat")
    assert stimuli.ids == ("cat_1", "dog_1", "owl_1", "cat_2", "owl_2", "cat_3")
    np.testing.assert_array_equal(np.round(255 * stimuli.stimuli[:, 0, 0, 0]), [0, 3, 4, 1, 5, 2])
    assert stimuli.stimuli.shape == (6, 8, 8, 3) and stimuli.stimuli.dtype == np.float32


@pytest.mark.parametrize("limit", [1, 3, 4, 6, 100])
def test_a_limit_takes_the_first_of_them(limit, classes):
    everything = load_image_folder(classes, 8)
    stimuli = load_image_folder(classes, 8, limit)
    assert stimuli.ids == everything.ids[:limit]
    np.testing.assert_array_equal(stimuli.stimuli, everything.stimuli[:limit])


def test_files_beyond_the_limit_are_not_read(classes):
    emptied(classes / "cat" / "3.png")
    assert len(load_image_folder(classes, 8, limit=5)) == 5
    with pytest.raises(ValueError, match=r"cat/3\.png is not a readable image"):
        load_image_folder(classes, 8)


def test_a_flat_folder_has_no_labels(tmp_path):
    for name in ("b.png", "a.JPG", "_.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    stimuli = load_image_folder(tmp_path, 8)
    assert stimuli.ids == ("_", "a", "b")
    assert stimuli.labels == ("", "", "")


def test_what_other_programs_hide_is_no_stimulus(classes):
    (classes / "cat" / "._1.jpg").write_bytes(b"a resource fork of macOS")
    save(classes / ".thumbnails" / "1.png")
    assert len(load_image_folder(classes, 8)) == 6


def test_an_empty_or_missing_folder_is_told(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"holds no images \(.*\.png.*\), neither"):
        load_image_folder(tmp_path, 8)
    with pytest.raises(ValueError, match="absent does not exist; give a folder of images"):
        load_image_folder(tmp_path / "absent", 8)
    with pytest.raises(ValueError, match="does not exist"):
        load_image_folder(save(tmp_path / "a.png"), 8)


def test_unsafe_names_become_names_of_files(tmp_path):
    for name in ("a cat, 1", "été", "v1.2", "run.state"):
        save(tmp_path / "big/one".replace("/", " ") / f"{name}.png")
    stimuli = load_image_folder(tmp_path, 8)
    assert stimuli.ids == ("big_one_a_cat__1", "big_one_run_state", "big_one_v1_2", "big_one__t_")
    assert set(stimuli.labels) == {"big one"}


def test_equal_names_are_numbered_and_numbers_do_not_collide(tmp_path):
    for name in ("a.png", "a.bmp", "a-2.png", "a.gif", "a-3.png", "B.png", "b.bmp"):
        save(tmp_path / name)
    stimuli = load_image_folder(tmp_path, 8)
    # In alphabetical order: B.png, a-2.png, a-3.png, a.bmp, a.gif, a.png, b.bmp.
    assert stimuli.ids == ("B", "a-2", "a-3", "a", "a-4", "a-5", "b-2")


def test_names_that_only_meet_as_ids_stay_apart(tmp_path):
    for name in ("a_b/c.png", "a/b_c.png", "a/b c.png"):
        save(tmp_path / name)
    assert sorted(load_image_folder(tmp_path, 8).ids) == ["a_b_c", "a_b_c-2", "a_b_c-3"]


def test_resized_images_keep_range_and_constants():
    images = np.stack([np.ones((12, 12, 3)), PIXELS / 255]).astype(np.float32)
    for size_px in (7, 12, 50):
        resized = resize_images(images, size_px)
        assert resized.shape == (2, size_px, size_px, 3) and resized.dtype == np.float32
        assert (resized[0] == 1).all()
        assert resized.min() >= 0 and resized.max() <= 1


def test_resized_images_are_those_of_each_channel_alone():
    images = np.random.default_rng(0).random((2, 12, 12, 3), np.float32)
    resized = resize_images(images, 30)
    for image, expected in zip(resized, images, strict=True):
        for channel in range(3):
            alone = Image.fromarray(expected[..., channel])
            alone = alone.resize((30, 30), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(image[..., channel], np.asarray(alone))
    np.testing.assert_array_equal(resize_images(images, 12), images)


def test_a_stimulus_set_needs_unique_ids_and_one_label_each():
    stimuli = np.zeros((2, 4), np.float32)
    for ids, labels in [(("a", "a"), ("", "")), (("a",), ("", "")), (("a", "b"), ("",))]:
        with pytest.raises(ValueError, match="one unique id and one label per stimulus"):
            StimulusSet(stimuli, ids, labels)


def test_stimulus_sets_are_taken_apart_and_joined():
    stimuli = np.arange(12, dtype=np.float32).reshape(3, 4)
    whole = StimulusSet(stimuli, ("a", "b", "c"), ("x", "y", "z"))
    parts = [whole.take([2, 0]), whole.take(range(1, 2))]
    assert parts[0].ids == ("c", "a") and parts[0].labels == ("z", "x")
    joined = StimulusSet.joined(parts)
    assert joined.ids == ("c", "a", "b") and joined.labels == ("z", "x", "y")
    np.testing.assert_array_equal(joined.stimuli, stimuli[[2, 0, 1]])
    with pytest.raises(ValueError, match="unique id"):
        StimulusSet.joined([whole, whole])


def turned(image, orientation):
    """Return how a camera stores an upright picture that its EXIF data tells to turn so."""
    stored = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
              6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    if orientation == 1:
        return image
    return image.transpose(Image.Transpose[stored[orientation]])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"),
    [("jpg", {"quality": 100, "subsampling": 0}), ("png", {}), ("webp", {"lossless": True}),
     ("tif", {}), ("tif", {"compression": "tiff_lzw"})],
)  # fmt: skip
def test_pictures_are_upright_as_viewers_show_them(suffix, options, orientation, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    upright = Image.fromarray(PIXELS).resize((14, SIZE_PX))
    expected = load_image(save(tmp_path / "upright.png", np.asarray(upright)), SIZE_PX)
    turned(upright, orientation).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    loaded = load_image(tmp_path / f"a.{suffix}", SIZE_PX)
    np.testing.assert_allclose(loaded, expected, atol=0.05 if suffix == "jpg" else 0)


def test_sixteen_bits_and_transparency_are_upright_too(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    ramp = grey_ramp_16_bit()
    expected = load_image(save(tmp_path / "upright.png", ramp), SIZE_PX)
    turned(Image.fromarray(ramp), 6).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", SIZE_PX), expected)


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"?" * 99])
def test_damaged_exif_data_is_overlooked(exif, tmp_path):
    path = save(tmp_path / "a.jpg", quality=100, exif=exif)
    expected = load_image(save(tmp_path / "b.jpg", quality=100), SIZE_PX)
    np.testing.assert_array_equal(load_image(path, SIZE_PX), expected)


@pytest.mark.parametrize("name", ["phone_3.jpg", "phone_6.jpg"])
def test_the_photographs_that_lay_on_their_side(name):
    if not CASES.is_dir():
        pytest.skip("needs the optional folder ../shared/cases")
    loaded = load_image(CASES / "images" / name, 32)
    np.testing.assert_allclose(loaded, load_image(CASES / "images" / "upright.png", 32), atol=0.09)


@pytest.mark.parametrize("n_bits", [10, 12, 14])
def test_fewer_bits_in_sixteen_are_said(n_bits, tmp_path, caplog):
    values = (grey_ramp_16_bit() >> (16 - n_bits)).astype(np.uint16)
    for name in ("a.png", "b.tif"):
        save(tmp_path / name, values)
    stimuli = load_image_folder(tmp_path, SIZE_PX).stimuli
    np.testing.assert_allclose(stimuli[0, ..., 0], values / 65535, atol=EIGHT_BITS)
    assert len(caplog.records) == 1 and "2 of 2 images have 16 bits per value" in caplog.text
    assert "a.png" in caplog.text and "12 or 14 bits" in caplog.text


def test_sixteen_bits_of_colour_are_looked_at_too(tmp_path, caplog):
    save_png_16_bit(tmp_path / "a.png", PIXELS.astype(np.uint16) * 257)
    np.testing.assert_array_equal(
        load_image(tmp_path / "a.png", SIZE_PX), PIXELS / np.float32(255)
    )
    assert not caplog.records
    save_png_16_bit(tmp_path / "a.png", PIXELS.astype(np.uint16) * 16)  # 12 bits
    load_image(tmp_path / "a.png", SIZE_PX)
    assert "1 of 1 images have 16 bits per value" in caplog.text


def save_png_16_bit(path, pixels, transparent=None):
    """Write uint16 [height, width, 3], which PIL cannot, as a PNG file."""
    rows = [row.astype(">u2").tobytes() for row in pixels]
    save_png(path, rows, pixels.shape[1], 16, 2, transparent)


def save_png(path, rows, width, n_bits, colour, transparent=None):
    """Write rows of bytes as a PNG file, one colour of it transparent if so asked."""
    header = struct.pack(">2I5B", width, len(rows), n_bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if transparent is not None:
        chunks.append((b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    content = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def test_dark_pictures_of_eight_bits_say_nothing(tmp_path, caplog):
    for name, mode in (("a.png", None), ("b.png", "L"), ("c.bmp", None)):
        save(tmp_path / name, np.full((9, 9, 3), 3, np.uint8), mode)
    load_image_folder(tmp_path, 8)
    assert not caplog.records


def test_formats_that_run_programs_are_not_read(tmp_path):
    save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is not a readable image"):
        load_image(tmp_path / "a.png", SIZE_PX)


@pytest.mark.parametrize("layout", ["n0144/{}", "n0144/images/{}"])
def test_classes_may_lie_one_folder_deeper(layout, tmp_path):
    for number, wordnet_id in enumerate(("n01443537", "n02690373")):
        path = tmp_path / layout.format(f"{number}.JPEG").replace("n0144", wordnet_id)
        save(path, format="JPEG")
        (tmp_path / wordnet_id / f"{wordnet_id}_boxes.txt").write_text("0.JPEG\t0\t0\t9\t9\n")
    assert load_image_folder(tmp_path, 8).labels == ("n01443537", "n02690373")


def test_a_class_in_several_folders_is_refused_and_what_is_left_out_is_said(tmp_path, caplog):
    for name in ("cat/s1/1.png", "cat/s2/2.png", "dog/1.png", "dog/more/2.png", "top.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    with pytest.raises(ValueError, match=r"cat has files in several sub-folders \(s1, s2\)"):
        image_files(tmp_path)
    shutil.rmtree(tmp_path / "cat")
    caplog.clear()
    assert [label for label, _ in image_files(tmp_path)] == ["dog"]
    assert "2.png" in caplog.text and "top.png" in caplog.text
    assert caplog.text.count("1 files are left out") == 2


def test_a_folder_of_splits_names_them(tmp_path):
    for split in ("train", "val"):
        for wordnet_id in ("n01443537", "n02690373"):
            save(tmp_path / split / wordnet_id / "a.JPEG")
    with pytest.raises(ValueError, match=r"holds no images .* one of its folders: train, val"):
        load_image_folder(tmp_path, 8)


@pytest.mark.parametrize("given", ["val", "val/images"])
def test_tiny_imagenets_validation_images_have_the_classes_of_their_table(given, tmp_path):
    for number in range(3):
        save(tmp_path / "val" / "images" / f"val_{number}.JPEG")
    table = tmp_path / "val" / "val_annotations.txt"
    classes = ("n03444034", "n02690373", "n03444034")
    rows = [f"val_{n}.JPEG\t{wordnet_id}\t0\t32\t44\t62" for n, wordnet_id in enumerate(classes)]
    table.write_text("\n".join(rows) + "\n")
    stimuli = load_image_folder(tmp_path / given, 8)
    assert stimuli.labels == ("n02690373", "n03444034", "n03444034")
    assert stimuli.ids == ("n02690373_val_1", "n03444034_val_0", "n03444034_val_2")
    table.write_text("val_0.JPEG\tgoldfish\n")
    with pytest.raises(ValueError, match=r"val_annotations\.txt, line 1: expected a file and its"):
        load_image_folder(tmp_path / given, 8)


def test_equal_pictures_are_named_and_left_out(classes, caplog):
    copy = Image.open(classes / "cat" / "2.png")
    copy.save(classes / "dog" / "the same.bmp")
    stimuli = load_image_folder(classes, 8).distinct()
    assert stimuli.ids == ("cat_1", "dog_1", "owl_1", "cat_2", "owl_2", "cat_3")
    assert "left out 1 of 7 stimuli, equal to others: dog_the_same is cat_2" in caplog.text
    files = distinct_image_files(image_files(classes), 8)
    assert [f"{label}/{path.name}" for label, path in files] == [
        "cat/1.png", "dog/1.png", "owl/1.png", "cat/2.png", "owl/2.png", "cat/3.png",
    ]  # fmt: skip
    assert "the same.bmp is " in caplog.text


def test_as_many_different_pictures_as_were_asked_for(classes):
    for name in ("1a", "1b", "1c"):
        shutil.copy(classes / "cat" / "1.png", classes / "dog" / f"{name}.png")
    expected = ("cat_1", "dog_1", "owl_1", "cat_2", "owl_2", "cat_3")
    for limit in range(1, 9):
        images = first_distinct(lambda n: load_image_folder(classes, 8, n), limit)
        assert images.ids == expected[:limit]
        files = distinct_image_files(image_files(classes), 8, limit)
        assert images.ids == image_ids(files)


def test_different_pictures_are_all_kept_and_nothing_is_said(classes, caplog):
    stimuli = load_image_folder(classes, 8)
    assert stimuli.distinct() is stimuli and not caplog.records


def test_the_copy_among_the_shared_cases_is_found(caplog):
    if not CASES.is_dir():
        pytest.skip("needs the optional folder ../shared/cases")
    assert len(load_image_folder(CASES / "duplicates", 32).distinct()) == 8
    assert "cat_copy_of_bird0 is bird_bird0" in caplog.text


def test_the_visual_experiments_leave_copies_out_of_stimuli_and_null(classes, caplog):
    from shared import visual

    Image.open(classes / "cat" / "2.png").save(classes / "dog" / "same.bmp")
    options = SimpleNamespace(
        preset="small", stimuli_dir=classes, num_stimuli=9, num_null_stimuli=9, seed=0
    )
    natural, null = visual.natural_images(options, 8), visual.null_images(options, 8)
    assert len(natural) == 6 and len(null) == 9  # renders fill up what is missing
    assert len(np.unique(null.stimuli[np.arange(9)], axis=0)) == 9
    assert "dog_same is cat_2" in caplog.text and "same.bmp is " in caplog.text


def tiff_file(path, values, bits, photometric):
    """Write grey values, rows of an even length, as an uncompressed TIFF of any depth."""
    height, width = values.shape
    if bits == 12:  # two values in three bytes
        first, second = values.reshape(-1, 2).T.astype(np.uint32)
        pairs = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1)
        data = pairs.astype(np.uint8).tobytes()
    else:
        data = values.astype("<u2").tobytes()
    tags = [
        (256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8),
        (277, 1), (278, height), (279, len(data)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    path.write_bytes(header + data + directory + struct.pack("<I", 0))
    return path


@pytest.mark.parametrize(("bits", "white_is_zero"), [(16, False), (16, True), (12, False)])
def test_grey_tiffs_are_read_as_they_say(bits, white_is_zero, tmp_path):
    ramp = np.linspace(0, 2**bits - 1, SIZE_PX**2).astype(np.uint32).reshape(SIZE_PX, SIZE_PX)
    written = 2**bits - 1 - ramp if white_is_zero else ramp
    path = tiff_file(tmp_path / "scan.tif", written, bits, 0 if white_is_zero else 1)
    expected = np.repeat(ramp[..., None] / (2**bits - 1), 3, axis=2)
    np.testing.assert_allclose(load_image(path, SIZE_PX), expected, atol=EIGHT_BITS)


def test_a_damaged_png_is_refused_wherever_it_is(tmp_path):
    """Decoding overlooks the checksums of its pixels."""
    path = save(tmp_path / "photo.png")
    whole = path.read_bytes()
    start = whole.index(b"IDAT") + 4
    for place in range(start, start + 300, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="is not a readable image"):
            load_image(path, SIZE_PX)


def test_a_jpeg_that_ends_in_zeros_is_refused(tmp_path):
    """As after a download, broken off, into a file of the full length; cameras add previews."""
    content = save(tmp_path / "a.jpg", np.tile(PIXELS, (5, 5, 1))).read_bytes()
    preview = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    whole = content[:2] + preview + content[2:]
    path = tmp_path / "b.jpg"
    path.write_bytes(whole + b"a film behind the end \xff\xda")
    assert load_image(path, 64).shape == (64, 64, 3)
    path.write_bytes(whole[: -len(content) // 2].ljust(len(whole), b"\0"))
    with pytest.raises(ValueError, match="its end is missing"):
        load_image(path, 64)
    image = Image.open(tmp_path / "a.jpg")
    image.save(path, "MPO", save_all=True, append_images=[image])  # two pictures, as of phones
    whole = path.read_bytes()
    assert load_image(path, 64).shape == (64, 64, 3)
    path.write_bytes(whole[: len(whole) // 4].ljust(len(whole), b"\0"))
    with pytest.raises(ValueError, match="its end is missing"):
        load_image(path, 64)


@pytest.mark.parametrize("n_bits", [1, 2, 4, 8])
def test_a_transparent_grey_has_the_bits_of_its_file(n_bits, tmp_path):
    """Black above and a transparent grey below, which lies on white."""
    key = 2**n_bits // 2
    black, grey = (bytes([int(f"{value:0{n_bits}b}" * (8 // n_bits), 2)]) for value in (0, key))
    rows = [black * (2 * n_bits)] * 8 + [grey * (2 * n_bits)] * 8
    save_png(tmp_path / "a.png", rows, 16, n_bits, 0, [key])
    image = load_image(tmp_path / "a.png", 16)
    assert (image[:8] == 0).all() and (image[8:] == 1).all()


def test_a_transparent_colour_of_sixteen_bits_is_refused(tmp_path):
    pixels = PIXELS.astype(np.uint16) * 257
    save_png_16_bit(tmp_path / "a.png", pixels, transparent=pixels[0, 0])
    with pytest.raises(ValueError, match="transparent colour of 16 bits"):
        load_image(tmp_path / "a.png", SIZE_PX)


def test_pictures_of_other_kinds_are_said_to_be_left_out(classes, caplog):
    (classes / "cat" / "photo.heic").write_bytes(b"?")
    load_image_folder(classes, 8)
    assert "1 files are left out, as .heic files are not read" in caplog.text


def test_names_too_long_for_a_file_end_in_a_hash():
    long = "a" * 300
    first, second = folders.unique_ids([long, long + "b"])
    assert len(first) == len(second) == folders.LONGEST_ID and first != second
    assert folders.unique_ids(["a" * folders.LONGEST_ID]) == ("a" * folders.LONGEST_ID,)
