"""From an upload to the pixels that the network sees. The app runs this in processes that may die, without PyTorch.

Nothing is written to disk. The name of an uploaded file is never used, so it can do no harm.
"""

import functools
import io
import signal
import warnings

from PIL import Image, ImageOps, PngImagePlugin
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

from lecture_utils.pictures import to_rgb

SIZE = 32
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # only these: each decoder is more code that an attacker can reach
MAX_BYTES = 10 * 2**20  # of an upload
MAX_PIXELS = 25_000_000
MAX_PARTS = 10  # of a form
SMALL_BYTES, SMALL_PIXELS, SMALL_SCANS = 2**18, 600_000, 32  # what exceeds one of these is large


class Refused(Exception):
    """A request is not answered with a prediction.

    Args:
        status: the status of the HTTP answer.
        code: a word for programs; the page uses it to find the translation.
        message: a sentence for people that says what is wrong and what to do.
    """

    def __init__(self, status: int, code: str, message: str):
        super().__init__(status, code, message)  # pickle rebuilds an exception from these arguments
        self.status, self.code, self.message = status, code, message


def fit_square(image: Image.Image) -> Image.Image:
    """Return the middle square of a picture, as RGB of 32 x 32 pixels. One of that size is not resampled."""
    return ImageOps.fit(to_rgb(image), (SIZE, SIZE), Image.Resampling.BILINEAR)


@functools.cache
def set_up_process() -> None:
    """Prepare a process that decodes: it ends with the server's process, not with signals that go to both."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow warns of more pixels, and refuses twice as many
    PngImagePlugin.MAX_TEXT_CHUNK = MAX_BYTES  # Pillow's 1 MB are too few for some colour profiles
    warnings.simplefilter("ignore")


def decode(uploads: list[tuple[bytes, str]], large: bool) -> list[bytes | Refused | None]:
    """Return what :func:`read_picture` does for each upload, or why it is refused; in a process of its own."""
    set_up_process()
    results: list[bytes | Refused | None] = []
    for body, content_type in uploads:
        try:
            results.append(read_picture(body, content_type, large))
        except Refused as refused:
            results.append(refused)
    return results


def read_picture(body: bytes, content_type: str, large: bool) -> bytes | None:
    """Return the 32 x 32 x 3 bytes that the network sees of an upload.

    Args:
        body: the picture's file, or a form that holds it.
        content_type: the request's header of that name.
        large: whether to decode large pictures; if not, None is returned for them.

    Raises:
        Refused: the upload does not hold exactly one picture that can be decoded.
    """
    if content_type.lower().startswith("multipart/form-data"):
        body = file_of_form(body, content_type)
    if not body:
        raise Refused(400, "empty", "The upload is empty: choose a picture and send it again.")
    try:
        image = Image.open(io.BytesIO(body), formats=FORMATS)
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise Image.DecompressionBombError
        if not large and (pixels > SMALL_PIXELS or body.count(b"\xff\xda") > SMALL_SCANS):  # the scans of a JPEG file
            return None
        return fit_square(image).tobytes()
    except Image.UnidentifiedImageError:
        message = "This is no picture that can be read: send a JPEG, PNG, WebP, GIF or BMP file."
        raise Refused(415, "not_a_picture", message) from None
    except Image.DecompressionBombError:
        message = f"The picture has too many pixels: make it smaller, at most {MAX_PIXELS // 10**6} million."
        raise Refused(413, "too_many_pixels", message) from None
    except Exception:  # Pillow raises many kinds of exceptions for damaged files
        message = "The picture is damaged or cut short: open it, save it again and send that file."
        raise Refused(400, "damaged", message) from None


def file_of_form(body: bytes, content_type: str) -> bytes:
    """Return the content of the part named ``file`` of a multipart form.

    Raises:
        Refused: the form is malformed or has too many parts, or it has no such part or several.
    """
    parts: list[Field | File] = []

    def add(part: Field | File) -> None:
        parts.append(part)
        if len(parts) > MAX_PARTS:
            raise FormParserError

    try:
        config = {"MAX_MEMORY_FILE_SIZE": len(body)}  # python_multipart would write a larger file to the disk
        parser = create_form_parser({"Content-Type": content_type}, add, add, config)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        message = "The form cannot be read: send multipart/form-data with one file in the field 'file'."
        raise Refused(400, "bad_form", message) from None
    found = [part for part in parts if part.field_name == b"file"]
    if len(found) > 1:
        raise Refused(400, "several_files", "There are several files: send one picture at a time.")
    if not found:
        raise Refused(400, "no_file", "The form has no field 'file': the picture belongs in a field of that name.")
    return found[0].file_object.getvalue() if isinstance(found[0], File) else found[0].value or b""
