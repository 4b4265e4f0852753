"""What a class handed in, as platforms pack it: everybody is found once, and a hostile archive does nothing."""

import io
import os
import stat
import zipfile
from datetime import UTC, datetime

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, notebook

from lecture_grader import handed_in, submissions
from lecture_utils.grading.tasks import load_exercise

EXERCISE = load_exercise(ROOT / "tests" / "grading_bank" / "checks.py")
WORK = notebook([RIGHT1])
OTHER = notebook(["# Task 8.1\nx = 1"])
MOODLE = {
    "Aki Satō_101_assignsubmission_file_/09_words.ipynb": WORK,
    "Bea Müller_102_assignsubmission_file/final version.ipynb": WORK,  # Moodle 4.1 and later
    "Bea Müller_102_assignsubmission_onlinetext/onlinetext.html": b"<script>",
    "Carl_Cox_103_assignsubmission_file_09_words.ipynb": WORK,  # without folders
    "山田 太郎_104_assignsubmission_file_/deep/er/09_words.ipynb": WORK,
    "山田 太郎_104_assignsubmission_file_/08_other.ipynb": OTHER,
    "山田 太郎_104_assignsubmission_file_/data.csv": b"1,2",
    "Dan_105_assignsubmission_file_/report.pdf": b"%PDF",
    "Eve_106_assignsubmission_file_/a.ipynb": WORK,
    "Eve_106_assignsubmission_file_/b.ipynb": WORK,
    "Flo_107_assignsubmission_file_/": b"",
    "Flo_108_assignsubmission_file_/08_other.ipynb": OTHER,
    "__MACOSX/Aki Satō_101_assignsubmission_file_/._09_words.ipynb": b"mac",
}
FOUND = {
    "Aki Satō_101": ("", "09_words.ipynb"),
    "Bea Müller_102": ("", "final version.ipynb"),
    "Carl_Cox_103": ("", "09_words.ipynb"),
    "山田 太郎_104": ("", "09_words.ipynb"),
    "Dan_105": ("no notebook was handed in, but report.pdf", ""),
    "Eve_106": ("the folder holds 2 notebooks, not one", "a.ipynb"),
    "Flo_107": ("no notebook was handed in", ""),
    "Flo_108": ("", "08_other.ipynb"),
}


def archive(path, files, change=lambda info: None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            file.writestr(info, content)
    return path


def folder(root, files):
    for name, content in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if name.endswith("/") else target.write_bytes(content)
    return root


def find(where, tmp_path, **more):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {one.student: one for one in submissions.find_submissions(where, EXERCISE, scratch, **more)}


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_what_moodle_exports(packed, tmp_path):
    pack = archive if packed else folder
    found = find(pack(tmp_path / "Course-Exercise 9-1234.zip", MOODLE), tmp_path, name="09_words")
    assert {student: (one.problem, one.name) for student, one in found.items()} == FOUND
    assert {one.platform for one in found.values()} == {"moodle"}
    assert [one.user_id for one in found.values()] == [name.rpartition("_")[2] for name in found]
    assert [student for student, one in found.items() if one.foreign] == ["Flo_108"]
    for one in found.values():
        if not one.problem:
            assert one.path.read_bytes() == (OTHER if one.foreign else WORK)


def test_a_name_that_is_made_up_is_nobody_elses(tmp_path):
    files = {"ada.ipynb": WORK, "ada/work.ipynb": WORK, "ada-2.ipynb": WORK, "ada-3.ipynb": WORK}
    path = folder(tmp_path / "in", files)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = submissions.find_submissions(path, EXERCISE, scratch)
    assert [one.student for one in found] == ["ada", "ada-4", "ada-2", "ada-3"]


def test_names_that_do_not_say_they_are_utf8(tmp_path):
    path = archive(tmp_path / "a.zip", {"Satō_7_assignsubmission_file_/w.ipynb": WORK})
    content = path.read_bytes()
    assert content.count(b"\x00\x08") >= 2
    path.write_bytes(content.replace(b"\x14\x00\x00\x08", b"\x14\x00\x00\x00"))  # the flag, in both headers
    assert zipfile.ZipFile(path).namelist() != ["Satō_7_assignsubmission_file_/w.ipynb"]
    assert list(find(path, tmp_path)) == ["Satō_7"]


@pytest.mark.parametrize(
    ("names", "code_page"),
    [
        (["山田太郎", "佐藤　花子_7", "ソ表十_1", "ﾔﾏﾀﾞ", "課題 02_鈴木"], "cp932"),
        (["Müller", "André_x", "Zoé", "Peña Ñ", "ß", "Ö_Ö", "Élodie", "Åse"], "cp437"),
    ],
)
def test_names_in_the_code_page_of_a_windows(names, code_page, tmp_path):
    class Info(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):  # as Windows writes it, without a word on the code page
            return self.filename.encode(code_page), self.flag_bits

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in names:
            file.writestr(Info(f"{name}/w.ipynb"), WORK)
    assert sorted(find(tmp_path / "a.zip", tmp_path)) == sorted(names)


def test_what_canvas_exports(tmp_path):
    files = {
        "doejane_LATE_4711_99_09_words.ipynb": WORK,
        "roerichard_4712_100_09_words-1.ipynb": WORK,
        "poepaula_4713_101_essay.pdf": b"%PDF",
    }
    found = find(archive(tmp_path / "submissions.zip", files), tmp_path, name="09_words")
    assert {s: (one.user_id, one.late, bool(one.problem)) for s, one in found.items()} == {
        "doejane_4711": ("4711", True, False),
        "roerichard_4712": ("4712", False, False),
        "poepaula_4713": ("4713", False, True),
    }
    assert found["roerichard_4712"].name == "09_words.ipynb", "Canvas numbers what is handed in again"


def test_one_name_like_canvas_is_a_coincidence(tmp_path):
    found = find(folder(tmp_path / "in", {"lee_2026_11_a.ipynb": WORK, "kim.ipynb": WORK}), tmp_path)
    assert list(found) == ["kim", "lee_2026_11_a"] and not any(one.platform for one in found.values())


def test_the_exchange_of_nbgrader(tmp_path):
    before = notebook([RIGHT1, "# not the last one"])
    files = {
        "ann+ex9+2026-11-20 10:00:00.000000 UTC+aB3=/09_words.ipynb": OTHER,
        "ann+ex9+2026-11-20 12:00:00.000000 UTC+cD4=/09_words.ipynb": WORK,
        "ann+ex9+2026-11-20 11:00:00.000000 UTC+eF5=/09_words.ipynb": before,
        "ann+ex8+2026-11-21 11:00:00.000000 UTC/08_other.ipynb": OTHER,
        "bo+ex9+2026-11-20 13:00:00.000000 UTC/09_words.ipynb": WORK,
    }
    found = find(folder(tmp_path / "inbound", files), tmp_path, name="09_words")
    assert list(found) == ["ann", "bo"]
    assert found["ann"].handed_in == datetime(2026, 11, 20, 12, tzinfo=UTC) and found["ann"].path.read_bytes() == WORK
    assert found["ann"].earlier == 1 and found["bo"].earlier == 0


def test_a_tree_of_nbgrader_and_its_times(tmp_path):
    files = {
        "ann/ex8/08_other.ipynb": OTHER,
        "ann/ex9/09_words.ipynb": WORK,
        "ann/ex9/timestamp.txt": b"2026-11-20 12:00:00.5 UTC",
        "bo/ex9/mine.ipynb": WORK,
        "bo/ex9/timestamp.txt": b"\xff whenever",
        "bo/ex9/.ipynb_checkpoints/mine-checkpoint.ipynb": WORK,
    }
    found = find(folder(tmp_path / "submitted", files), tmp_path, name="09_words")
    assert found["ann"].name == "09_words.ipynb" and found["ann"].handed_in.hour == 12
    assert found["bo"].name == "mine.ipynb" and found["bo"].handed_in is None and not found["bo"].problem


def test_google_classroom_and_a_folder_around_all(tmp_path):
    files = {"Exercise 9/Ann Lee - 09_words.ipynb": WORK, "Exercise 9/Bo - 09_words.ipynb": WORK}
    assert list(find(archive(tmp_path / "drive-001.zip", files), tmp_path, name="09_words")) == ["Ann Lee", "Bo"]


def test_a_class_of_one_is_not_taken_apart(tmp_path):
    found = find(archive(tmp_path / "a.zip", {"Ann/work.ipynb": WORK, "Ann/data/": b""}), tmp_path)
    assert list(found) == ["Ann"] and found["Ann"].path.read_bytes() == WORK


def test_the_copy_with_the_exercises_name_counts(tmp_path):
    files = {
        "Ann/09_words.ipynb": WORK,
        "Ann/09_words-Copy1.ipynb": WORK,
        "Bo/09_words.ipynb": OTHER,
        "Bo/x.ipynb": WORK,
    }
    found = find(folder(tmp_path / "in", files), tmp_path, name="09_words")
    assert (found["Ann"].name, found["Bo"].name) == ("09_words.ipynb", "x.ipynb")
    assert not found["Ann"].problem and not found["Bo"].problem


def test_names_cannot_speak_to_the_terminal(tmp_path):
    found = find(archive(tmp_path / "a.zip", {"\x1b]0;gotcha\x07Ann.ipynb": WORK, "e\u0301.ipynb": WORK}), tmp_path)
    assert all(name.isprintable() for name in found) and "\u00e9" in found  # as a Mac spells it, as we do


# --- archives that mean harm ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "C:\\x.ipynb", "a\\..\\..\\x.ipynb"])
def test_a_path_to_outside_is_refused(name, tmp_path):
    path = archive(tmp_path / "a.zip", {"ann.ipynb": WORK, name: WORK})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="path to outside"):
        find(path, tmp_path)
    assert path.read_bytes() == before
    everything = {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*")}
    assert everything == {"a.zip", "scratch"} and not (tmp_path.parent / "x.ipynb").exists()


def test_a_link_is_not_made(tmp_path):
    def link(info):
        if "link" in info.filename:
            info.external_attr = (stat.S_IFLNK | 0o777) << 16

    files = {"link.ipynb": b"/etc/hostname", "ann.ipynb": WORK}
    found = find(archive(tmp_path / "a.zip", files, link), tmp_path)
    assert found["link"].problem == "it is a link, not a file" and not found["ann"].problem
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))


def test_a_bomb_costs_one_row_and_many_cost_the_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_FILE", 3_000_000)
    files = {f"{n}.ipynb": b" " * 30_000_000 for n in "ab"} | {"ann.ipynb": WORK}
    path = archive(tmp_path / "a.zip", files)
    found = find(path, tmp_path)
    assert {s: bool(one.problem) for s, one in found.items()} == {"a": True, "ann": False, "b": True}
    assert sum(p.stat().st_size for p in (tmp_path / "scratch").iterdir()) == len(WORK)
    (tmp_path / "more").mkdir()
    monkeypatch.setattr(handed_in, "MAX_UNPACKED", 5_000_000)
    with pytest.raises(ValueError, match="unpack it yourself"):
        find(path, tmp_path / "more")
    assert sum(p.stat().st_size for p in (tmp_path / "more").rglob("*")) < 10_000_000


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_ENTRIES", 5)
    with pytest.raises(ValueError, match="holds 6 files"):
        find(archive(tmp_path / "a.zip", {f"{n}.ipynb": WORK for n in range(6)}), tmp_path)


def encrypted(content):
    return content.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (encrypted, "with its password"),
        (lambda content: content[:-30], "cannot be unpacked"),
        (lambda content: content[:40] + b"\xff\xff\xff" + content[43:], "cannot be unpacked"),
        (lambda content: b"hello", "cannot be unpacked"),
        (lambda content: b"", "cannot be unpacked"),
        (lambda content: content.replace(b"\x08\x00", b"\x63\x00", 4), "cannot be unpacked"),  # packed by method 99
    ],
    ids=["encrypted", "cut", "broken", "no zip", "empty", "unknown method"],
)
def test_an_archive_that_cannot_be_read(spoil, words, tmp_path):
    path = archive(tmp_path / "a.zip", {"ann.ipynb": WORK})
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=words) as caught:
        find(path, tmp_path)
    assert "a.zip" in str(caught.value)


def test_an_archive_of_nothing(tmp_path):
    with pytest.raises(ValueError, match="holds no submissions"):
        find(archive(tmp_path / "a.zip", {"readme.txt": b"hello"}), tmp_path)


def test_no_room_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "_copy", lambda *_: (_ for _ in ()).throw(OSError(28, os.strerror(28))))
    with pytest.raises(ValueError, match=r"No space left.*TMPDIR"):
        find(archive(tmp_path / "a.zip", {"ann.ipynb": WORK}), tmp_path)


def test_only_what_is_needed_is_unpacked(tmp_path):
    inner = io.BytesIO()
    zipfile.ZipFile(inner, "w").close()
    files = {"ann.ipynb": WORK, "bo/program.exe": b"MZ", "bo/more.zip": inner.getvalue()}
    found = find(archive(tmp_path / "a.zip", files), tmp_path)
    assert "no notebook" in found["bo"].problem and len(list((tmp_path / "scratch").iterdir())) == 1
