"""What a class handed in, as platforms pack it: everybody is found once, and a hostile archive does nothing."""

import io
import os
import stat
import time
import unicodedata
import zipfile
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from conftest import ROOT
from grading_bank.submissions import RIGHT1, notebook

from lecture_grader import handed_in, submissions
from lecture_grader.platforms import plain_title, without_copy
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


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, one in files.items():
            file.writestr(name, one)
    return content.getvalue()


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


# --- every platform, every shape -----------------------------------------------------------------

LAST = notebook([RIGHT1, "# handed in last"])
AT = datetime(2026, 11, 20, 14, 33, 10, tzinfo=UTC)
HERE = datetime(2026, 11, 20, 14, 33, 10)  # as a platform writes it that names no time zone
NOBODY = "Nobody knows whose: "
LIKE_THE_EXERCISE = "the file is called like the exercise, and nothing says whose it is"
METADATA = """---
submission_340000:
  :submitters:
  - :name: Aki Satō
    :sid: 's1234567'
    :email: aki@example.org
  :created_at: 2026-11-20 14:33:10.302396000 Z
  :results:
    output: |-
      :name: Nobody
  - :name: Nobody
  :history: []
submission_340001:
  :submitters:
  - :name: "Bea M\\xFCller"
    :email: bea@example.org
  - :name: 'O''Neil'
    :sid: 77
  :created_at: 2026-11-20 14:33:10 Z
""".encode()


class Row(NamedTuple):
    """What is expected of a submission."""

    student: str
    number: str = ""
    platform: str = ""
    time: datetime | None = None
    late: bool = False
    content: bytes = WORK
    name: str = "09_words.ipynb"
    problem: str = ""
    earlier: int = 0


# What is in the folder or zip, who handed in what, and every line that is said about the rest.
EXPORTS = {
    "Moodle, folders": (
        {"Aki Satō_101_assignsubmission_file/09_words.ipynb": WORK, "Bo_102_assignsubmission_onlinetext/x.html": b""},
        [
            Row("Aki Satō_101", "101", "moodle"),
            Row("Bo_102", "102", "moodle", name="", problem="no notebook was handed in, but x.html"),
        ],
        [],
    ),
    "Moodle, no folders": (
        {"Aki Satō_101_assignsubmission_file_my own.ipynb": WORK},
        [Row("Aki Satō_101", "101", "moodle", name="my own.ipynb")],
        [],
    ),
    "Moodle, groups": (
        {
            "Group A/Aki_101_assignsubmission_file_/09_words.ipynb": WORK,
            "Group B/Bo_102_assignsubmission_file_/09_words.ipynb": WORK,
        },
        [Row("Aki_101", "101", "moodle"), Row("Bo_102", "102", "moodle")],
        [],
    ),
    "Moodle, names hidden": (
        {"Participant 7_101_assignsubmission_file_/09_words.ipynb": WORK},
        [Row("Participant 7_101", "101", "moodle")],
        [],
    ),
    "Canvas": (
        {"satoaki_LATE_4711_9001_09_words.ipynb": WORK, "bo_4712_9002_a.pdf": b"", "cy_4713_text.html": b""},
        [
            Row("bo_4712", "4712", "canvas", name="", problem="no notebook was handed in, but a.pdf"),
            Row("cy_4713", "4713", "canvas", name="", problem="no notebook was handed in, but text.html"),
            Row("satoaki_4711", "4711", "canvas", late=True),
        ],
        [],
    ),
    "Canvas, handed in again": (
        {
            "satoaki_4711_9001_09_words.ipynb": WORK,
            "satoaki_4711_9102_09_words-2.ipynb": LAST,
            "satoaki_4711_9101_09_words-1.ipynb": WORK,
            "cox_4712_9103_09_words-1.ipynb": LAST,
            "cox_4712_9104_try.ipynb": WORK,
        },
        [
            Row("cox_4712", "4712", "canvas", content=LAST, earlier=1),  # the other is named
            Row("satoaki_4711", "4711", "canvas", content=LAST, earlier=2),
        ],
        [],
    ),
    "Canvas, names hidden": (
        {"LATE_anon_aB3dE_456_09_words.ipynb": WORK, "anon_Zz9yX_457_f.ipynb": WORK},
        [Row("anon_Zz9yX", name="f.ipynb"), Row("anon_aB3dE", late=True)],
        [],
    ),
    "Classroom": (
        {
            "Aki Satō - 09_words.ipynb": WORK,
            "Bo - Copy of 09_words.ipynb": WORK,
            "Cy - 09_words のコピー.ipynb": WORK,
            "Di - 09_words.ipynb のコピー": WORK,
            unicodedata.normalize("NFD", "Gō - 09_words.ipynb のコピー"): WORK,
            "Copia de Ed - 09_words.ipynb": WORK,
            "Flo - x - Kopie von 09_words (1).ipynb": WORK,
        },
        [Row(name, platform="google", name="") for name in ("Aki Satō", "Bo", "Cy", "Di", "Ed", "Flo - x", "Gō")],
        [],
    ),
    "Classroom, one student twice": (
        {"Aki - 09_words.ipynb": WORK, "Aki - Copy of 09_words (2).ipynb": LAST, "Bo - 09_words.ipynb": WORK},
        [
            Row("Aki", "", "google", name="", problem="2 notebooks were handed in, and nothing says which is last"),
            Row("Bo", platform="google", name=""),
        ],
        [],
    ),
    "Drive, nobody's names": (
        {
            "09_words.ipynb": WORK,
            "09_words (2).ipynb": WORK,
            "Kopie_von_09_words.ipynb": WORK,
            "「09_words_ipynb」的副本.ipynb": WORK,
            "09_words_ipynb의_사본.ipynb": WORK,
            "Копия_блокнота__09_words_.ipynb": WORK,
            "Copy of Ann.ipynb": WORK,
        },
        [
            *(Row(name, name="") for name in ("09_words", "09_words (2)", "09_words_ipynb의_사본", "Copy of Ann")),
            *(Row(name, name="") for name in ("Kopie_von_09_words", "Копия_блокнота__09_words_")),
            Row("「09_words_ipynb」的副本", name=""),
        ],
        [
            f"{NOBODY}{name} {LIKE_THE_EXERCISE}"
            for name in ("09_words", "09_words (2)", "09_words_ipynb의_사본", "Kopie_von_09_words")
        ]
        + [f"{NOBODY}{name} {LIKE_THE_EXERCISE}" for name in ("Копия_блокнота__09_words_", "「09_words_ipynb」的副本")],
    ),
    "Blackboard": (
        {
            "Exercise_1_u_10000_attempt_2026-11-20-14-33-10_09_words.ipynb": LAST,
            "Exercise_1_u_10000_attempt_2026-11-20-14-33-10.txt": "Name: Aki Satō (u_10000)\r\n".encode(),
            "Exercise_1_u_10000_attempt_2026-11-19-09-00-00_09_words.ipynb": WORK,
            "Exercise_1_u_20000_attempt_2026-11-20-14-33-10.txt": b"Name: Zoe (u_20000)\r\n",
        },
        [
            Row("u_10000", "u_10000", "blackboard", HERE, content=LAST, earlier=1),
            Row("u_20000", "u_20000", "blackboard", name="", problem="no notebook was handed in"),
        ],
        [],
    ),
    "Blackboard, without its texts": (
        {
            "Lab_1_aki_attempt_2026-11-20-14-33-10_09_words.ipynb": WORK,
            "Lab_1_ann_attempt_2026-11-20-14-33-10_my_attempt_2026-01-01-00-00-00_x.ipynb": WORK,
        },
        [
            Row("aki", "aki", "blackboard", HERE),
            Row("ann", "ann", "blackboard", HERE, name="my_attempt_2026-01-01-00-00-00_x.ipynb"),
        ],
        [],
    ),
    "Brightspace": (
        {
            "10000-5555 - Aki Satō - Nov 20, 2026 233 PM/09_words.ipynb": LAST,
            "10000-5555 - Aki Satō - Nov 19, 2026 1133 PM/09_words.ipynb": WORK,
            "10001-5555 - Jean-Luc P - Nov 20, 2026 1233 AM - 09_words.ipynb": WORK,
            "10002-5555 - Cy - 20 novembre 2026 14 h 33/09_words.ipynb": WORK,
            "index.html": b"",
        },
        [
            Row("Aki Satō_10000", "10000", "brightspace", HERE.replace(second=0), content=LAST, earlier=1),
            Row("Cy_10002", "10002", "brightspace"),
            Row("Jean-Luc P_10001", "10001", "brightspace", HERE.replace(hour=0, second=0)),
        ],
        ["index.html (no notebook)"],
    ),
    "Gradescope": (
        {
            "assignment_1_export/submission_metadata.yml": METADATA,
            "assignment_1_export/submission_340000/09_words.ipynb": WORK,
            "assignment_1_export/submission_340001/w.ipynb": WORK,
            "assignment_1_export/submission_340002/w.ipynb": WORK,
        },
        [
            Row("Aki Satō", "s1234567", "gradescope", AT.replace(microsecond=302396)),
            Row("Bea Müller + O'Neil", "", "gradescope", AT, name="w.ipynb"),
            Row("submission_340002", name="w.ipynb"),
        ],
        [
            "submission_metadata.yml (no notebook)",
            f"{NOBODY}submission_340002 submission_metadata.yml is missing or does not say whose it is",
        ],
    ),
    "Teams": (
        {
            "Submitted files/Aki Satō/Exercise 9/Version 1/09_words.ipynb": WORK,
            "Submitted files/Aki Satō/Exercise 9/Version 10/09_words.ipynb": LAST,
            "Submitted files/Aki Satō/Exercise 9/Version 9/09_words.ipynb": WORK,
            "Submitted files/Bo/Exercise 9/09_words.ipynb": WORK,
            "Working files/Cy/Exercise 9/09_words.ipynb": WORK,
        },
        [Row("Aki Satō", platform="teams", content=LAST, earlier=2), Row("Bo")],
        ["Working files (drafts that were not handed in)"],
    ),
    "Sakai": (
        {
            "Exercise 9/grades.csv": b"",
            "Exercise 9/Satō, Aki(aki)/timestamp.txt": b"20261120143310000",
            "Exercise 9/Satō, Aki(aki)/Submission attachment(s)/09_words.ipynb": WORK,
            "Exercise 9/Satō, Aki(aki)/Submission attachment(s)/timestamp.txt": b"20200101000000000",
            "Exercise 9/Satō, Aki(aki)/Feedback Attachment(s)/09_words.ipynb": LAST,
            "Exercise 9/Cox, Bo(bo)/timestamp.txt": b"Fri Nov 20 14:33:10 UTC 2026",
            "Exercise 9/Cox, Bo(bo)/bo_submissionText.html": b"",
            "Exercise 9/Cox, Bo(bo)/Submission attachment(s)/09_words.ipynb": WORK,
        },
        [Row("Cox, Bo(bo)", "bo", "sakai", AT), Row("Satō, Aki(aki)", "aki", "sakai", AT)],
        ["grades.csv (no notebook)"],
    ),
    "ILIAS": (
        {
            "Sato_Aki_aki_4711/09_words.ipynb": WORK,
            "De_La_Cruz_Bea_bea_4712/Verspaetete Abgabe - 09_words.ipynb": WORK,
        },
        [
            Row("De_La_Cruz_Bea_bea_4712", "bea", "ilias", late=True),
            Row("Sato_Aki_aki_4711", "aki", "ilias"),
        ],
        [],
    ),
    "GitHub Classroom": (
        {
            "ex-9-submissions/ex-9-octocat/09_words.ipynb": WORK,
            "ex-9-submissions/ex-9-octocat/lectures/08.ipynb": OTHER,
            "ex-9-submissions/ex-9-hubot/09_words.ipynb": WORK,
            "ex-9-submissions/ex-9-hubot/.git/config": b"",
        },
        [Row("hubot", platform="github"), Row("octocat", platform="github")],
        [],
    ),
    "nbgrader, submitted": (
        {
            "ann/ex9/09_words.ipynb": WORK,
            "ann/ex9/sub/09_words.ipynb": OTHER,
            "ann/ex9/timestamp.txt": b"2026-11-20 14:33:10 UTC",
            "bo/ex9/09_words.ipynb": WORK,
        },
        [Row("ann", time=AT), Row("bo")],
        [],
    ),
    "nbgrader, inbound": (
        {
            "ann+ex9+2026-11-20 14:33:10.0 UTC+aB3=/09_words.ipynb": LAST,
            "ann+ex9+2026-11-20 12:00:00.0 UTC+cD4=/09_words.ipynb": WORK,
        },
        [Row("ann", time=AT, content=LAST, earlier=1)],
        [],
    ),
    "folders and zips of students": (
        {
            "佐藤　太郎/09_words.ipynb": WORK,
            "bo.zip": zipped({"deep/09_words.ipynb": WORK}),
            "cy/all.zip": zipped({"inner.zip": zipped({"09_words.ipynb": WORK})}),
        },
        [Row("bo"), Row("cy", name="", problem="no notebook was handed in, but all.zip"), Row("佐藤　太郎")],
        [],
    ),
}
EXPORTS["all in one"] = (
    {
        name: content
        for export in ("Moodle, folders", "Canvas, handed in again", "Classroom", "Blackboard", "Brightspace")
        for name, content in EXPORTS[export][0].items()
    },
    [
        row
        for export in ("Moodle, folders", "Canvas, handed in again", "Classroom", "Blackboard", "Brightspace")
        for row in EXPORTS[export][1]
    ],
    ["index.html (no notebook)"],
)


@pytest.fixture
def _elsewhere(monkeypatch):
    """Another time zone than UTC, where the system lets a process choose one."""
    if hasattr(time, "tzset"):
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
        monkeypatch.undo()
        time.tzset()
    else:
        yield


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
@pytest.mark.parametrize("export", EXPORTS)
def test_every_export(export, packed, tmp_path):
    files, rows, said = EXPORTS[export]
    rows = [row._replace(time=row.time.astimezone()) if row.time and not row.time.tzinfo else row for row in rows]
    where = archive(tmp_path / "a.zip", files) if packed else folder(tmp_path / "in", files)
    left_out, remarks = [], []
    found = find(where, tmp_path, name="09_words", left_out=left_out, remarks=remarks)
    seen = [
        Row(
            student,
            one.user_id,
            one.platform,
            one.handed_in,
            one.late,
            WORK if one.problem else one.path.read_bytes(),
            one.name,
            one.problem,
            one.earlier,
        )
        for student, one in found.items()
    ]
    assert seen == sorted(rows)
    lines = [
        f"{title}: {' '.join(students)} {detail}"
        for title, lines in remarks
        for students, detail in lines
        if title != "Taken for the folder of the class"
    ]
    assert sorted([*left_out, *lines]) == sorted(said)


@pytest.mark.parametrize(("count", "platform"), [(3, "google"), (2, "")])
def test_a_title_that_many_share_is_classrooms(count, platform, tmp_path):
    names = [f"{student} - My Essay" for student in ("Ann", "Bo", "Cy")[:count]] + ["Dan"]
    found = find(folder(tmp_path / "in", {f"{name}.ipynb": WORK for name in names}), tmp_path)
    assert {one.platform for one in found.values()} == {platform, ""} and ("Ann" in found) == bool(platform)


COPIES = [
    "Copy of {}", "Kopie von {}", "Kopie van {}", "Kopia {}", "Kopia av {}", "Kopi av {}", "Kopi af {}", "Copie de {}",
    "Copia de {}", "Copia di {}", "Cópia de {}", "Còpia de {}", "Копия {}", "Копія {}", "Копие на {}", "Αντίγραφο {}",
    "Kópia {}", "Kopie souboru {}", "Kopija {}", "{} kopija", "{} koopia", "{} másolata", "{} kopyası", "{} की कॉपी",
    "Bản sao của {}", "Salinan {}", "สำเนาของ {}", "نسخة من {}", "עותק של {}", "{} のコピー", "{}的副本", "“{}”的副本",
    "「{}」的副本", "{}의 사본", "{} (2)", "{}-Copy1", "{} - Copy", "{} - Copy (3)", "{} - コピー", "{} copy 2",
    "Copy of Copy of {}",
]  # fmt: skip


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_in_every_language(copy):
    for stem in ("01_tensors", "Aki Satō - 01_tensors", "01_tensors_ipynb"):
        title = copy.format(stem)
        for name in (title, title.replace(" ", "_"), unicodedata.normalize("NFD", title)):
            assert plain_title(name) == plain_title(stem), name


@pytest.mark.parametrize("name", ["Copyright Law", "Kopi Luwak", "Ann (Lee)", "Copy", "Kim - コピー機", "__x__"])
def test_a_name_is_not_taken_for_a_copy(name):
    assert without_copy(name) == name


@pytest.mark.parametrize("outer", ["class", "a/b/class"])
def test_a_folder_around_the_class_is_taken_off_and_said(outer, tmp_path):
    files = {f"{outer}/{name}/09_words.ipynb": WORK for name in ("ann", "bo")}
    remarks = []
    assert list(find(folder(tmp_path / "in", files), tmp_path, name="09_words", remarks=remarks)) == ["ann", "bo"]
    assert remarks == [("Taken for the folder of the class", [([], "class")])]


def test_a_folder_that_may_be_a_students_is_not(tmp_path):
    files = {"ann/a.ipynb": WORK, "ann/b.ipynb": WORK, "ann/old/c.ipynb": WORK}
    found = find(folder(tmp_path / "in", files), tmp_path, name="09_words")
    assert {student: one.problem for student, one in found.items()} == {
        "ann": "the folder holds 3 notebooks, not one; if it is the class's, name this folder itself"
    }


def test_one_notebook_with_the_exercises_name_makes_no_class(tmp_path):
    files = {"ann/mine/09_words.ipynb": WORK, "ann/old/a.ipynb": OTHER}
    assert list(find(folder(tmp_path / "in", files), tmp_path, name="09_words")) == ["ann"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("Submitted files/{:02}/Ex/Version 1", "more than 15 files"), ("a/b/{:02}", "name this folder itself")],
)
def test_a_folder_that_is_too_full_is_said(name, words, tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_OF_STUDENT", 15)
    files = {f"{name.format(n)}/{file}": WORK for n in range(9) for file in ("09_words.ipynb", "x.txt", "y.txt")}
    files |= {f"{name.format(n)}/09_words.ipynb": WORK for n in range(9, 20) if "Ex" in name}
    found = find(folder(tmp_path / "in", files), tmp_path, name="09_words")
    assert any(words in one.problem for one in found.values())


def test_a_class_in_one_folder_has_the_limits_of_a_class(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_OF_STUDENT", 10)
    files = {f"Submitted files/{n}/Ex/Version 1/{f}": WORK for n in range(5) for f in ("09_words.ipynb", "x.txt", "y")}
    found = find(folder(tmp_path / "in", files), tmp_path, name="09_words")
    assert len(found) == 5 and not any(one.problem for one in found.values())


def test_code_pages_that_are_only_likely_are_said(tmp_path):
    class Info(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):
            return self.filename.encode("cp932"), self.flag_bits

    for names, words in [
        (["山田太郎", "ann"], "read as Japanese ones of Windows (code page 932): 山田太郎"),
        (["山田太郎", "1A組"], "they may be misspelt: "),
    ]:
        remarks = []
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
            for name in names:
                file.writestr(Info(f"{name}/w.ipynb"), WORK)
        (scratch := tmp_path / words[:4]).mkdir()
        find(tmp_path / "a.zip", scratch, remarks=remarks)
        ((title, [(_, detail)]),) = remarks
        assert title == "Names in the zip" and words in detail


@pytest.mark.parametrize("name", ["_" * 60_000, " - " * 20_000, "(" * 60_000, "1-1 - " * 10_000, "_attempt_" * 7_000])
@pytest.mark.parametrize("suffix", [".ipynb", "/w.ipynb"])
def test_a_long_name_costs_no_time(name, suffix, tmp_path):
    begun = time.process_time()
    find(archive(tmp_path / "a.zip", {name + suffix: WORK, "ann/w.ipynb": WORK, "ann/x": b""}), tmp_path, name="w")
    assert time.process_time() - begun < 5


def test_an_answered_notebook_counts_more_than_the_one_that_was_given_out(tmp_path):
    """A browser saves a second download as ``work(1).ipynb``: the untouched one has the exercise's own name."""
    untouched = notebook(["# Task 9.1\ndef double(x):\n    raise NotImplementedError('Task 9.1: write this part')"])
    files = {"Aki_101_assignsubmission_file_/09_words.ipynb": untouched}
    files["Aki_101_assignsubmission_file_/09_words(1).ipynb"] = WORK
    (one,) = find(folder(tmp_path / "in", files), tmp_path, name="09_words").values()
    assert one.path.read_bytes() == WORK and one.earlier == 1
    alone = {"Bea_102_assignsubmission_file_/09_words.ipynb": untouched}
    (tmp_path / "again").mkdir()
    (one,) = find(folder(tmp_path / "alone", alone), tmp_path / "again", name="09_words").values()
    assert one.path.read_bytes() == untouched and not one.problem
