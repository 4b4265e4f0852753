"""lecture_utils.pictures: pictures of every kind, for the training (load_dataset) and for the app of lecture 6."""

import io
import itertools
import struct

import numpy as np
import pytest
from lecture_app.pictures import read_picture
from PIL import Image

from lecture_utils import load_dataset
from lecture_utils.pictures import to_rgb


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def halves(mode: str, left, right) -> Image.Image:
    """A picture of 32 x 32 pixels, which prepare() does not resample, in two colours."""
    image = Image.new(mode, (32, 32), left)
    image.paste(right, (16, 0, 32, 32))
    return image


def with_palette(transparency) -> bytes:
    image = halves("P", 0, 1)
    image.putpalette([0, 0, 255, 255, 0, 0])
    return encoded(image, transparency=transparency)


def lying() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90 degrees: the left half belongs above
    return encoded(halves("RGB", "red", "blue"), exif=exif)


def bmp(left, right) -> bytes:
    """A BMP file of 32 bits with masks that say that the fourth byte is the opacity, as Pillow itself writes none."""
    pixels = np.array(halves("RGBA", left, right))[::-1, :, [2, 1, 0, 3]].tobytes()
    head = struct.pack("<IiiHHIIiiII", 56, 32, 32, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return struct.pack("<2sIII", b"BM", 14 + len(head) + len(pixels), 0, 14 + len(head)) + head + pixels


@pytest.mark.parametrize(
    ("data", "top_right"),
    [
        (with_palette(1), (255, 255, 255)),
        (with_palette(bytes([255, 128])), (255, 127, 127)),
        (encoded(halves("RGB", "blue", "red"), transparency=(255, 0, 0)), (255, 255, 255)),
        (encoded(halves("LA", (9, 255), (0, 128))), (127, 127, 127)),
        (encoded(halves("RGBA", (0, 0, 255, 255), (255, 0, 0, 128))), (255, 127, 127)),
        (encoded(halves("RGBA", (0, 0, 255, 255), (255, 0, 0, 0)), "WEBP", lossless=True), (255, 255, 255)),
        (encoded(Image.fromarray(np.full((32, 32), 51200, np.uint16))), (200, 200, 200)),
        (encoded(halves("CMYK", (0, 0, 0, 0), (255, 0, 255, 0)), "JPEG", quality=100), (0, 255, 0)),
        (lying(), (255, 0, 0)),
        (encoded(halves("1", 0, 1)), (255, 255, 255)),
        (encoded(halves("L", 0, 100)), (100, 100, 100)),
        (bmp((0, 0, 255, 255), (255, 0, 0, 128)), (255, 127, 127)),
        (bmp((0, 0, 255, 0), (255, 0, 0, 0)), (255, 0, 0)),
    ],
    ids=[
        *("palette with transparency", "palette with half transparency", "transparent colour", "LA", "RGBA", "WebP"),
        *("16 bits", "CMYK", "turned by EXIF", "1 bit", "grey", "BMP", "BMP, fourth byte empty"),
    ],
)
def test_training_and_serving_see_the_same(tmp_path, data, top_right):
    for part, name in itertools.product(("train", "test"), ("cat", "dog")):
        folder = tmp_path / part / name
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(data)  # Pillow looks at the content, not at the name
    trained_with, _ = load_dataset(tmp_path)[0]
    served = np.frombuffer(read_picture(data, "image/png", large=False), np.uint8).reshape(32, 32, 3)
    assert trained_with.mode == "RGB" and np.array_equal(np.asarray(trained_with), served)
    assert served[0, 31].tolist() == pytest.approx(top_right, abs=1)


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (51200, 200), (65535, 255), (70_000, 255), (-1, 0)])
def test_16_bits_in_32(value, grey):
    """Mode "I": Pillow's older releases read PNG files of 16 bits so, and all releases some TIFF files."""
    image = Image.fromarray(np.full((2, 2), value, np.int32))
    assert image.mode == "I" and to_rgb(image).getpixel((0, 0)) == (grey, grey, grey)


def test_16_bits_in_a_tiff_file(tmp_path):
    for part, name in (("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")):
        (tmp_path / part / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), 51200, np.int32)).save(tmp_path / part / name / "1.tif")
    assert Image.open(tmp_path / "train" / "cat" / "1.tif").mode == "I"
    assert load_dataset(tmp_path)[0][0].getpixel((0, 0)) == (200, 200, 200)


def test_palette_that_holds_the_transparency():
    """As Pillow makes it from a transparent picture: nothing in `info` tells of it."""
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).quantize(4)
    assert image.mode == "P" and "transparency" not in image.info
    assert to_rgb(image).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16"])
def test_the_given_picture_is_left_as_it_is(mode):
    image = Image.new(mode, (4, 8))
    image.getexif()[0x0112] = 6
    before = image.tobytes()
    changed = to_rgb(image)
    assert (changed.mode, changed.size) == ("RGB", (8, 4))
    changed.paste("red", (0, 0, 8, 4))
    assert (image.mode, image.size, image.tobytes(), image.getexif()[0x0112]) == (mode, (4, 8), before, 6)
