import errno
import functools
import gzip
import http.server
import os
import pickle
import shutil
import threading
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from lecture_utils import DataError, SlowDisk, data_folder, load_dataset
from lecture_utils import data as data_module

# --- embedded ---


def test_digits_are_scikit_learns_own():
    from sklearn.datasets import load_digits

    train, test = load_dataset("digits"), load_dataset("digits", train=False)
    assert (len(train), len(test)) == (1347, 450)
    image, label = train[0]
    assert image.size == (8, 8) and image.mode == "L" and label == train.targets[0]
    ours = torch.cat([train.data, test.data]).flatten(1).double().sort(0).values
    theirs = torch.from_numpy(load_digits().data).mul(255 / 16).round().sort(0).values
    assert torch.equal(ours, theirs)
    shares = torch.bincount(train.targets) / (torch.bincount(train.targets) + torch.bincount(test.targets))
    assert shares.min() > 0.74 and shares.max() < 0.76  # every class is split alike


def test_digits_train_and_test_share_no_index():
    from sklearn.datasets import load_digits

    def keys(dataset):
        return {row.numpy().tobytes() for row in dataset.data}

    train, test = keys(load_dataset("digits")), keys(load_dataset("digits", train=False))
    assert not train & test
    assert len(train) + len(test) == len({row.tobytes() for row in load_digits().data})


def test_transform_is_applied():
    tensor, _ = load_dataset("digits", transform=v2.PILToTensor())[5]
    assert tensor.shape == (1, 8, 8) and torch.equal(tensor[0], load_dataset("digits").data[5])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_slow_disk_says_who_read_and_when(workers):
    digits = load_dataset("digits", transform=v2.PILToTensor())
    slow = SlowDisk(torch.utils.data.Subset(digits, range(8)), seconds=0.01)
    assert len(slow) == 8
    batches = list(DataLoader(slow, batch_size=4, num_workers=workers))
    assert torch.equal(torch.cat([images for images, _, _ in batches]), digits.data[:8, None])
    assert torch.equal(torch.cat([labels for _, labels, _ in batches]), digits.targets[:8])
    assert [read[0].tolist() for _, _, read in batches] == [[0] * 4, [1 if workers else 0] * 4]
    for _, _, (_, begin, end) in batches:
        assert (end - begin >= 0.01).all() and (begin[1:] >= end[:-1]).all()  # one after the other


def test_scattered_digits():
    train, test = load_dataset("scattered_digits"), load_dataset("Scattered-Digits", train=False)
    assert train.data.shape == (10_000, 32, 32, 3) and test.data.shape == (2_000, 32, 32, 3)
    assert train.data.dtype == torch.uint8 and train.targets.dtype == torch.int64
    image, label = test[0]
    assert image.mode == "RGB" and image.size == (32, 32) and 0 <= label <= 9
    counts = torch.bincount(train.targets, minlength=10)
    assert counts.min() > 850 and counts.max() < 1150
    assert train.data.float().std() > 30  # pictures, not flat colour
    assert len({row.numpy().tobytes() for row in test.data}) == len(test)


def test_scattered_digits_are_made_of_their_own_half(monkeypatch):
    """With the ink taken out, train pictures come from the upper halves of the photographs."""
    from sklearn.datasets import load_sample_images

    def blank(train):
        return torch.zeros(5, 8, 8, dtype=torch.uint8), torch.zeros(5, dtype=torch.long)

    monkeypatch.setattr(data_module, "_digits", blank)
    photographs = np.stack(load_sample_images().images)
    half = photographs.shape[1] // 2
    for train, part in ((True, photographs[:, :half]), (False, photographs[:, half:])):
        images, _ = data_module._scattered_digits.__wrapped__(train)
        windows = {
            np.ascontiguousarray(image[y, x : x + 32]).tobytes()
            for image in part
            for y in range(part.shape[1])
            for x in range(0, part.shape[2] - 31)
        }
        assert all(images[k, 0].numpy().tobytes() in windows for k in range(50))


def test_scattered_digits_cover_the_picture():
    """Turned, moved and scaled: ink reaches every part of the frame, and its size varies."""
    train = load_dataset("scattered_digits")
    images = train.data.float()
    spread = images.std(0).mean(-1)
    assert spread.min() > 20


# --- where data lies ---


def test_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path / "mine"))
    assert data_folder() == tmp_path / "mine"
    monkeypatch.delenv("LECTURE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "lecture_utils"


def test_unknown_name():
    with pytest.raises(DataError, match="choose digits, scattered_digits, mnist, fashion_mnist, cifar10, or a folder"):
        load_dataset("mnits")


# --- a folder of one's own ---


def test_own_folder(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (4, 4), "red").save(tmp_path / part / name / "1.png")
    dataset = load_dataset(tmp_path, train=False)
    assert dataset.classes == ["cat", "dog"] and [label for _, label in dataset] == [0, 1]


def test_own_folder_without_parts(tmp_path):
    with pytest.raises(DataError, match="holds no folder 'train'"):
        load_dataset(tmp_path)


def test_own_folder_without_pictures(tmp_path):
    (tmp_path / "train" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be used.*cat"):
        load_dataset(tmp_path)


@pytest.fixture
def pictures(tmp_path):
    """A folder with two classes and two parts, one named in Japanese."""
    for part in ("train", "test"):
        for name in ("猫", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (4, 4), "red").save(tmp_path / part / name / "写真.png")
    return tmp_path


def test_own_folder_with_one_class(pictures):
    for part in ("train", "test"):
        shutil.rmtree(pictures / part / "dog")
    with pytest.raises(DataError, match="the class '猫' only"):
        load_dataset(pictures)


def test_own_folder_whose_parts_have_other_classes(pictures):
    (pictures / "test" / "dog").rename(pictures / "test" / "bird")
    with pytest.raises(DataError, match="differ .bird, dog."):
        load_dataset(pictures)


def test_own_folder_with_an_empty_class(pictures):
    (pictures / "train" / "dog" / "写真.png").unlink()
    with pytest.raises(DataError, match=r"cannot be used.*dog.*\.png"):
        load_dataset(pictures)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("train", [True, False])
def test_own_folder_with_hidden_folders(pictures, part, train):
    """Jupyter makes `.ipynb_checkpoints`, empty or with copies in it; it is no class."""
    before = load_dataset(pictures, train=train).samples
    (pictures / part / ".ipynb_checkpoints").mkdir()
    shutil.copytree(pictures / part / "dog", pictures / part / ".trash")
    shutil.copytree(pictures / part / "dog", pictures / part / "dog" / ".ipynb_checkpoints")
    dataset = load_dataset(pictures, train=train)
    assert dataset.classes == ["dog", "猫"]
    assert dataset.samples == before and len(dataset) == 2


def test_own_folder_with_hidden_files(pictures):
    """macOS puts `.DS_Store` into folders, and `._NAME` beside files on other systems' disks; they are no pictures."""
    for name in (".DS_Store", "._写真.png"):
        (pictures / "train" / name).write_bytes(b"no picture")
        (pictures / "train" / "dog" / name).write_bytes(b"no picture")
    dataset = load_dataset(pictures)
    assert [image.size for image, _ in dataset] == [(4, 4), (4, 4)]


def test_own_folder_below_a_hidden_folder(pictures):
    """Only names inside the folder count: the data set itself may lie in `~/.cache`, say."""
    hidden = pictures / ".cache" / "animals"
    for part in ("train", "test"):
        shutil.copytree(pictures / part, hidden / part)
    assert len(load_dataset(hidden)) == 2


def test_own_folder_with_hidden_classes_only(pictures):
    for name in ("dog", "猫"):
        (pictures / "train" / name).rename(pictures / "train" / f".{name}")
    with pytest.raises(DataError, match=r"train cannot be used.*train"):
        load_dataset(pictures)


def test_own_folder_can_be_sent_to_a_worker_process(pictures):
    """Windows and macOS start the workers of a DataLoader anew and send them the data set."""
    dataset = pickle.loads(pickle.dumps(load_dataset(pictures)))
    assert [label for _, label in dataset] == [0, 1]


@pytest.mark.parametrize("workers", [0, 1])
def test_broken_picture_is_named_without_a_stack_trace(pictures, workers):
    file = pictures / "train" / "dog" / "写真.png"
    file.write_bytes(file.read_bytes()[:40])
    loader = DataLoader(load_dataset(pictures, transform=v2.PILToTensor()), num_workers=workers)
    with pytest.raises(DataError) as caught:
        list(loader)
    assert str(caught.value).startswith(f"the picture {file} cannot be read") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.new("L", (4, 4), 100), (100, 100, 100)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("LA", (4, 4), (100, 255)), (100, 100, 100)),
        (Image.fromarray(np.full((4, 4), 51200, np.uint16)), (200, 200, 200)),
        (Image.new("RGB", (4000, 3000), (1, 2, 3)), (1, 2, 3)),
    ],
    ids=["grey", "black and white", "transparent", "opaque", "grey with alpha", "16 bits", "large"],
)
def test_pictures_of_every_kind(pictures, picture, expected):
    picture.save(pictures / "train" / "dog" / "写真.png")
    image, label = load_dataset(pictures)[0]
    assert label == 0 and image.mode == "RGB" and image.size == picture.size
    assert image.getpixel((1, 1)) == expected


def test_pictures_are_upright(pictures):
    turned = Image.new("RGB", (4, 8))
    exif = turned.getexif()
    exif[0x0112] = 6  # lies on its side
    turned.save(pictures / "train" / "dog" / "写真.png", exif=exif)
    assert load_dataset(pictures)[0][0].size == (8, 4)


# --- downloads, from a server of the test's own ---


def idx(array: np.ndarray) -> bytes:
    """The IDX format of MNIST's files, gzipped."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A tiny MNIST on a local web server, with its real MD5 sums; LECTURE_DATA and the cache empty."""
    import hashlib

    rng = np.random.default_rng(0)
    served = tmp_path / "served"
    served.mkdir()
    resources = []
    for part, count in (("train", 6), ("t10k", 3)):
        for kind, array in (("images-idx3", rng.integers(0, 255, (count, 28, 28))), ("labels-idx1", np.arange(count))):
            name, content = f"{part}-{kind}-ubyte.gz", idx(array)
            (served / name).write_bytes(content)
            resources.append((name, hashlib.md5(content).hexdigest()))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield served, asked
    server.shutdown()
    server.server_close()


def left_over(root) -> list[str]:
    return sorted(p.name for p in root.iterdir()) if root.exists() else []


def test_download_once_with_progress(mirror, tmp_path, capfd):
    _, asked = mirror
    train = load_dataset("mnist")
    assert len(train) == 6 and [label for _, label in train] == list(range(6))
    assert "100%" in capfd.readouterr().err
    requests = len(asked)
    assert requests > 0
    assert len(load_dataset("mnist", train=False)) == 3
    assert len(asked) == requests  # the second time asks nobody
    assert left_over(tmp_path / "data") == ["MNIST"]  # no scratch folder stays


def test_broken_download_leaves_nothing(mirror, tmp_path):
    served, _ = mirror
    name = "train-images-idx3-ubyte.gz"
    whole = (served / name).read_bytes()
    (served / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="mnist is damaged.*try again"):
        load_dataset("mnist")
    assert left_over(tmp_path / "data") == []
    (served / name).write_bytes(whole)
    assert len(load_dataset("mnist")) == 6


def test_no_network(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError, match="cannot download mnist.*HTTPS_PROXY.*'quick'"):
        load_dataset("mnist")
    assert left_over(tmp_path / "data") == []


def test_disk_full(mirror, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", full)
    with pytest.raises(DataError, match="no room for mnist.*LECTURE_DATA"):
        load_dataset("mnist")
    assert left_over(tmp_path / "data") == []


def test_interrupted_download_leaves_nothing(mirror, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", stopped)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("mnist")
    assert left_over(tmp_path / "data") == []


def test_damaged_file_is_named_and_kept(mirror, tmp_path):
    load_dataset("mnist")
    victim = tmp_path / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(DataError, match="MNIST is damaged.*delete that folder"):
        load_dataset("mnist")
    assert victim.exists()


def test_copied_archives_need_no_network(mirror, tmp_path, monkeypatch):
    served, asked = mirror
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in served.iterdir():
        shutil.copyfile(archive, raw / archive.name)
    assert len(load_dataset("mnist")) == 6
    assert asked == [] and left_over(tmp_path / "data") == ["MNIST"]


def test_read_only_data_folder_is_unpacked_into_the_cache(mirror, tmp_path, monkeypatch):
    served, asked = mirror
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in served.iterdir():
        shutil.copyfile(archive, raw / archive.name)
    before = sorted(os.listdir(raw))
    writable = data_module._writable
    monkeypatch.setattr(data_module, "_writable", lambda root: root != tmp_path / "data" and writable(root))
    assert len(load_dataset("mnist")) == 6
    assert asked == [] and sorted(os.listdir(raw)) == before
    assert left_over(tmp_path / "cache" / "lecture_utils") == ["MNIST"]


def test_nowhere_to_write(mirror, monkeypatch):
    monkeypatch.setattr(data_module, "_writable", lambda root: False)
    with pytest.raises(DataError, match="cannot write.*LECTURE_DATA"):
        load_dataset("mnist")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.URLError("timed out"), "timed out"),
        (RuntimeError("Error downloading x:\nTried y, got:\nrefused"), "refused"),
        (RuntimeError("File not found or corrupted."), "is damaged"),
    ],
)
def test_fetch_errors_are_one_line(error, words, tmp_path):
    text = str(data_module._fetch_error(error, "mnist", tmp_path, 12))
    assert words in text and "\n" not in text


@pytest.fixture
def cifar_mirror(mirror, monkeypatch):
    """A tiny CIFAR-10 on the same server: ten pictures a batch, packed as the real one is."""
    import hashlib
    import io
    import pickle
    import tarfile

    served, asked = mirror
    cifar = torchvision.datasets.CIFAR10
    sums = {}
    with tarfile.open(served / cifar.filename, "w:gz") as tar:
        members = [name for name, _ in [*cifar.train_list, *cifar.test_list]]
        contents = {
            name: {"data": np.full((10, 3072), k, np.uint8), "labels": [k] * 10} for k, name in enumerate(members)
        }
        contents[cifar.meta["filename"]] = {"label_names": [f"class {k}" for k in range(10)]}
        for name, content in contents.items():
            raw = pickle.dumps(content)
            info = tarfile.TarInfo(f"{cifar.base_folder}/{name}")
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
            sums[name] = hashlib.md5(raw).hexdigest()
    port = torchvision.datasets.MNIST.mirrors[0]
    monkeypatch.setattr(cifar, "url", port + cifar.filename)
    monkeypatch.setattr(cifar, "tgz_md5", hashlib.md5((served / cifar.filename).read_bytes()).hexdigest())
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(cifar, part, [[name, sums[name]] for name, _ in getattr(cifar, part)])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums[cifar.meta["filename"]]})
    return served, asked


def test_cifar10_is_fetched_once_and_mended_when_damaged(cifar_mirror, tmp_path):
    _, asked = cifar_mirror
    assert (len(load_dataset("cifar10")), len(load_dataset("cifar10", train=False))) == (50, 10)
    requests = len(asked)
    assert load_dataset("cifar10")[0][0].size == (32, 32) and len(asked) == requests
    assert left_over(tmp_path / "data") == ["cifar-10-batches-py"]
    (tmp_path / "data" / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"half")
    assert len(load_dataset("cifar10")) == 50 and len(asked) > requests
    assert left_over(tmp_path / "data") == ["cifar-10-batches-py"]


def test_cifar10_from_a_copied_archive(cifar_mirror, tmp_path):
    served, asked = cifar_mirror
    (tmp_path / "data").mkdir()
    shutil.copyfile(served / "cifar-10-python.tar.gz", tmp_path / "data" / "cifar-10-python.tar.gz")
    assert len(load_dataset("cifar10")) == 50 and asked == []
    assert left_over(tmp_path / "data") == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


# --- the real thing, where it is at hand ---


@pytest.mark.parametrize(("key", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_real_archives(archives, key, folder):
    root = archives(folder)
    train, test = load_dataset(key), load_dataset(key, train=False)
    assert (len(train), len(test)) == (60_000, 10_000) and train[0][0].size == (28, 28)
    assert left_over(root) == [folder]


def test_without_a_home_folder_data_need_a_folder(monkeypatch, tmp_path):
    def nobody(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LECTURE_DATA", raising=False)
    with pytest.raises(DataError, match="set HOME, or LECTURE_DATA"):
        load_dataset("mnist")
    assert load_dataset("digits")
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))
    assert data_folder() == tmp_path
