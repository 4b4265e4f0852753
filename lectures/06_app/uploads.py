"""Read the picture of an upload, or say in a sentence what is wrong with it.

Nothing is written to disk. The name of an uploaded file is never used, so it can do no harm.
"""

import dataclasses
import io
import logging
import warnings

from PIL import Image
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # only these: each decoder is more code that an attacker can reach

log = logging.getLogger("app")
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of malformed forms, which get a 400
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels is lower than Pillow's limit


@dataclasses.dataclass(slots=True)
class Upload:
    """The body of a request as it was received.

    Attributes:
        body: the picture's file, or a form that holds it.
        content_type: the request's header of that name.
        max_pixels: pictures with more pixels are refused.
        wants_seen: whether the answer includes the picture as the network sees it.
    """

    body: bytes
    content_type: str
    max_pixels: int
    wants_seen: bool = False


@dataclasses.dataclass(slots=True)
class Prediction:
    """The answer to an upload.

    Attributes:
        top: the most probable classes and their probabilities, best first.
        seen: the picture as the network sees it, as a data URI, if the upload asked for it.
    """

    top: list[tuple[str, float]]
    seen: str | None = None


class Refused(Exception):
    """A request is not answered with a prediction.

    Args:
        status: the status of the HTTP answer.
        code: a word for programs; the page uses it to find the translation.
        message: a sentence for people that says what is wrong and what to do.
    """

    def __init__(self, status: int, code: str, message: str):
        super().__init__(status, code, message)  # pickle rebuilds an exception from these arguments
        self.status = status
        self.code = code
        self.message = message


def read_picture(body: bytes, content_type: str, max_pixels: int) -> Image.Image:
    """Return the picture of a request. Its header is read and its size checked; its pixels are not decoded yet.

    Raises:
        Refused: the request does not hold exactly one picture, or the picture is too large.
    """
    if content_type.lower().startswith("multipart/form-data"):
        body = file_of_form(body, content_type)
    if not body:
        raise Refused(400, "empty", "The upload is empty: choose a picture and send it again.")
    try:
        image = Image.open(io.BytesIO(body), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise Refused(
            415, "not_a_picture", "This is no picture that can be read: send a JPEG, PNG, WebP, GIF or BMP file."
        ) from None
    except Image.DecompressionBombError:
        raise too_many_pixels(max_pixels) from None
    except Exception as error:  # Pillow raises many kinds of exceptions for damaged files
        raise damaged(error) from None
    if image.width * image.height > max_pixels:
        raise too_many_pixels(max_pixels)
    return image


def too_many_pixels(limit: int) -> Refused:
    """Return the refusal of a picture with more than ``limit`` pixels."""
    return Refused(
        413,
        "too_many_pixels",
        f"The picture has too many pixels: make it smaller, at most {limit / 1e6:.0f} million (width times height).",
    )


def damaged(error: Exception) -> Refused:
    """Return the refusal of a picture that cannot be decoded, and log the decoder's error."""
    log.info("a picture could not be decoded: %r", error)
    return Refused(400, "damaged", "The picture is damaged or cut short: open it, save it again and send that file.")


def file_of_form(body: bytes, content_type: str) -> bytes:
    """Return the content of the part named ``file`` of a multipart form.

    Raises:
        Refused: the form is malformed, or it has no such part or several.
    """
    parts: list[Field | File] = []
    config = {"MAX_MEMORY_FILE_SIZE": len(body)}  # python_multipart would write a larger file to the disk
    try:
        parser = create_form_parser({"Content-Type": content_type}, parts.append, parts.append, config)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Refused(
            400, "bad_form", "The form cannot be read: send multipart/form-data with one file in the field 'file'."
        ) from None
    found = [part for part in parts if part.field_name == b"file"]
    if len(found) > 1:
        raise Refused(400, "several_files", "There are several files: send one picture at a time.")
    if not found:
        raise Refused(400, "no_file", "The form has no field 'file': the picture belongs in a field of that name.")
    return found[0].file_object.getvalue() if isinstance(found[0], File) else found[0].value or b""
