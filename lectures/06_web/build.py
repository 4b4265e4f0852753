"""Put a folder together that any web server can show: the page, the network, and what runs it in a browser."""

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.request
from http.client import HTTPException
from pathlib import Path

import platformdirs
from lecture_app.model import load

import lecture_utils
from lecture_utils.files import atomic_write, write_text

HERE = Path(__file__).resolve().parent
PAGE = (HERE / "index.html", HERE / "page.js", Path(lecture_utils.__file__).with_name("pad.js"))
RUNTIME = json.loads((HERE / "runtime.json").read_text(encoding="utf-8"))
ARCHIVE = f"{RUNTIME['package']}-{RUNTIME['version']}.tgz"


class WebError(RuntimeError):
    """The page cannot be built; the message says why and what to do."""


def build(model_file: Path, folder: Path) -> int:
    """Write the page into a folder, which is made if it is not there, and return the bytes of its files together.

    Raises:
        WebError: the runtime could not be fetched or is not the one that is meant, or a package is missing.
        ModelError: there is no good model in the file.
    """
    model = load(model_file)
    folder.mkdir(parents=True, exist_ok=True)
    unpack_runtime(fetch_runtime(), folder / "runtime")
    shutil.copy(HERE / "runtime-license.txt", folder / "runtime" / "license.txt")
    try:
        from .export import export

        with atomic_write(folder / "model.onnx") as draft:
            export(model, draft)
    except ModuleNotFoundError as error:
        raise WebError(f"{error.name} is missing, which exporting needs: pip install onnx onnxscript") from None
    write_text(folder / "classes.json", json.dumps(model.classes, ensure_ascii=False))
    for file in PAGE:
        shutil.copy(file, folder)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def fetch_runtime() -> bytes:
    """Return the archive of the runtime, from the user's cache or else from where npm would fetch it.

    Raises:
        WebError: there is no copy, and no network or no npm, or the archive has not the checksum of runtime.json.
    """
    copy = platformdirs.user_cache_path("lecture_utils", appauthor=False) / ARCHIVE
    if copy.is_file() and checksum(data := copy.read_bytes()) == RUNTIME["integrity"]:
        return data
    url = f"{registry()}/{RUNTIME['package']}/-/{ARCHIVE}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            data = answer.read()
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise WebError(
            f"{url} cannot be fetched ({reason}). Build the page once where there is a network: "
            f"what it fetches is kept in {copy.parent}."
        ) from None
    if checksum(data) != RUNTIME["integrity"]:
        raise WebError(f"{url} is not the file that runtime.json means: its checksum is another. Nothing was kept.")
    with contextlib.suppress(OSError), atomic_write(copy) as draft:  # where nothing can be kept, it is fetched again
        draft.write_bytes(data)
    return data


def registry() -> str:
    """Return the address that npm is set up to fetch packages from.

    Raises:
        WebError: npm is not here, or knows none.
    """
    address = os.environ.get("npm_config_registry", "")  # noqa: SIM112 - as npm writes it
    if not address and (npm := shutil.which("npm")):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            words = [npm, "config", "get", "registry"]
            address = subprocess.run(words, capture_output=True, text=True, timeout=60).stdout.strip()
    if not address.startswith("http"):
        raise WebError("npm, which fetches what runs the network in a browser, is not here: install Node.js")
    return address.rstrip("/")


def checksum(data: bytes) -> str:
    """Return the checksum of a file as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def unpack_runtime(archive: bytes, folder: Path) -> None:
    """Write those three of the archive's files that a browser needs."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for name in RUNTIME["files"]:
            (folder / name).write_bytes(files.extractfile(f"package/dist/{name}").read())
