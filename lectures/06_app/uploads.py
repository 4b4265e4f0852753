"""From the bytes of an upload to a picture, or to a sentence that says what is wrong with them.

Nothing here touches the disk, and the name of an uploaded file is never used, so it can do no harm.
"""

import dataclasses
import io
import logging
import warnings

from PIL import Image
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # no others: each decoder is more code that an attacker can feed
PIECE = 2**16

log = logging.getLogger("app")
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # its warnings tell of malformed forms, which get a 400
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
        code: a word for programs; the page finds its translation by it.
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
    return Refused(400, "damaged", "The picture is damaged or cut short: open it, save it anew and send that.")


def file_of_form(body: bytes, content_type: str) -> bytes:
    """Return the content of the part named ``file`` of a multipart form.

    Raises:
        Refused: the form is malformed, or it has no such part or several.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    parts: list[tuple[dict, list[bytes]]] = []  # headers and pieces of content
    name: list[bytes] = []

    def begin():
        parts.append(({}, []))

    def header_name(data, start, end):
        name.append(data[start:end])

    def header_value(data, start, end):
        key = b"".join(name).lower()
        headers = parts[-1][0]
        headers[key] = headers.get(key, b"") + data[start:end]

    def content(data, start, end):
        parts[-1][1].append(data[start:end])

    try:
        if not boundary:
            raise FormParserError("no boundary")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": header_name,
                "on_header_value": header_value,
                "on_header_end": name.clear,
                "on_part_data": content,
            },
        )
        for start in range(0, len(body), PIECE):
            parser.write(body[start : start + PIECE])
        parser.finalize()
    except FormParserError:
        raise Refused(
            400, "bad_form", "The form cannot be read: send multipart/form-data with one file in the field 'file'."
        ) from None
    fields = [parse_options_header(headers.get(b"content-disposition"))[1].get(b"name") for headers, _ in parts]
    if fields.count(b"file") > 1:
        raise Refused(400, "several_files", "There are several files: send one picture at a time.")
    if b"file" not in fields:
        raise Refused(400, "no_file", "The form has no field 'file': the picture belongs in a field of that name.")
    return b"".join(parts[fields.index(b"file")][1])
