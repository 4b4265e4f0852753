"""What a class may hand in, of any name and kind: each entry is graded or named, and read once."""

import contextlib
import csv
import io
import os
import sys
import tempfile
import threading
import unicodedata
import zipfile
from pathlib import Path

import pytest
from grading_bank.command import grade
from grading_bank.submissions import RIGHT1, notebook
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_submissions import EXERCISE, MOODLE, OTHER, WORK, archive, folder, zipped

from lecture_grader import handed_in, platforms, submissions
from lecture_grader.results import report_name
from lecture_grader.submissions import find_submissions, of_folders, read_small

SECRET = notebook([RIGHT1, "# the instructor's own solution"])


def collected(where, tmp_path, **more):
    """The submissions, and what was left out."""
    left_out = []
    found = find_submissions(where, EXERCISE, tmp_path / "scratch", left_out=left_out, **more)
    return {one.student: one for one in found}, left_out


# --- read once -----------------------------------------------------------------------------------


def swap(path, kind):
    """Put something else in the place of a file, as a student does in a folder that is read."""
    if kind == "in place":
        path.write_bytes(SECRET)
        return
    if path.is_dir():
        path.rename(path.with_name(".away"))
    else:
        path.unlink()
    if kind == "link":
        path.symlink_to(path.parents[1] / "solution.ipynb")
    elif kind == "link to a folder":
        path.symlink_to(path.parents[1] / "solutions")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(1_500_000_000)
    elif kind == "folder":
        path.mkdir()


@pytest.fixture
def live(tmp_path):
    """A folder that students can write to, beside the instructor's solution; two notebooks, so that both are read."""
    folder(tmp_path / "live", {"eve/work.ipynb": WORK, "eve/other.ipynb": OTHER, "ann.ipynb": WORK, "zoe.ipynb": WORK})
    folder(tmp_path, {"solution.ipynb": SECRET, "solutions/work.ipynb": SECRET, "solutions/other.ipynb": SECRET})
    return tmp_path / "live"


KINDS = {
    "link": (handed_in.LINK, ""),
    "pipe": ("it is not a file", ""),
    "folder": ("it is not a file", ""),
    "large": ("larger than", ""),
    "gone": ("it cannot be read", ""),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entry", ["zoe.ipynb", "eve/work.ipynb"])
def test_what_is_swapped_after_the_listing_is_not_followed(kind, entry, live, tmp_path, monkeypatch):
    if kind == "large":
        monkeypatch.setattr(handed_in, "MAX_FILE", 1_000_000)
    place = submissions._owner
    done = []

    def after_the_listing(*args):
        if not done:
            done.append(swap(live / entry, kind))
        return place(*args)

    monkeypatch.setattr(submissions, "_owner", after_the_listing)
    found, _ = collected(live, tmp_path)
    assert done, "nothing was swapped"
    student = found[entry.split("/")[0].removesuffix(".ipynb")]
    if "/" in entry and kind != "link":  # the other notebook is there, but it is not of this exercise
        assert student.problem or student.path.read_bytes() == OTHER
    else:
        assert KINDS[kind][0] in student.problem or student.path.read_bytes() == OTHER
    assert found["ann"].path.read_bytes() == WORK
    for one in found.values():
        assert one.problem or one.path.read_bytes() != SECRET


def test_a_folder_that_is_swapped_for_a_link_is_not_followed(live, tmp_path, monkeypatch):
    place = submissions._owner
    done = []

    def after_the_listing(*args):
        if not done:
            done.append(swap(live / "eve", "link to a folder"))
        return place(*args)

    monkeypatch.setattr(submissions, "_owner", after_the_listing)
    found, _ = collected(live, tmp_path)
    assert found["eve"].problem == "its folder is a link, or not a folder"


@pytest.mark.parametrize("kind", ["link", "pipe", "in place", "gone"])
def test_what_is_swapped_after_collecting_changes_nothing(kind, live, tmp_path):
    found, _ = collected(live, tmp_path)
    swap(live / "zoe.ipynb", kind)
    assert found["zoe"].path.read_bytes() == WORK
    assert all(live not in one.path.parents for one in found.values())


def test_a_pipe_is_not_waited_for(tmp_path):
    (tmp_path / "live" / "ann").mkdir(parents=True)
    for name in ("a.ipynb", "ann/timestamp.txt", "ann/b.ipynb", "ann/c.zip", "z.zip"):
        os.mkfifo(tmp_path / "live" / name)
    result = []
    thread = threading.Thread(target=lambda: result.append(collected(tmp_path / "live", tmp_path)), daemon=True)
    thread.start()
    thread.join(20)
    ((found, _),) = result
    assert {one.problem for one in found.values()} == {"it is not a file"} and set(found) == {"a", "ann", "z"}


def test_the_folders_of_nbgrader_are_read_once_too(tmp_path):
    course = folder(
        tmp_path / "course", {"submitted/ann/ps1/work.ipynb": WORK, "submitted/ann/ps1/timestamp.txt": b"x"}
    )
    folder(tmp_path, {"solution.ipynb": SECRET, "solutions/ps1/work.ipynb": SECRET, "secret.txt": b"secret"})
    (course / "submitted" / "bo").symlink_to(tmp_path / "solutions")
    (course / "submitted" / "cem" / "ps1").mkdir(parents=True)
    (course / "submitted" / "cem" / "ps1" / "work.ipynb").symlink_to(tmp_path / "solution.ipynb")
    (course / "submitted" / "cem" / "ps1" / "timestamp.txt").symlink_to(tmp_path / "secret.txt")
    (course / "submitted" / "dan").mkdir()
    (course / "submitted" / "dan" / "ps1").symlink_to(tmp_path / "solutions" / "ps1")
    os.mkfifo(course / "submitted" / "cem" / "ps1" / "submission_secret.txt")
    (tmp_path / "link").symlink_to(course)  # the instructor's own links are followed
    folders = {name: tmp_path / "link" / "submitted" / name / "ps1" for name in ("ann", "bo", "cem", "dan", "eve")}
    found = {one.user_id: one for one in of_folders(folders, EXERCISE, "work", tmp_path / "scratch")}
    assert list(found) == list(folders) and found["ann"].path.read_bytes() == WORK
    for name in ("bo", "cem", "dan", "eve"):
        assert found[name].problem, name
    assert read_small(folders["ann"], "ann", "timestamp.txt") == b"x"
    for name, file in [("cem", "timestamp.txt"), ("cem", "submission_secret.txt"), ("dan", "work.ipynb"), ("eve", "x")]:
        assert read_small(folders[name], name, file) == b"", (name, file)


def test_one_notebook_is_read_once_too(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(WORK)
    (one,) = find_submissions(path, EXERCISE, tmp_path / "scratch")
    path.write_bytes(OTHER)
    assert (one.student, one.path.read_bytes()) == ("mine", WORK)


# --- names ---------------------------------------------------------------------------------------


def test_every_printable_character_is_kept(tmp_path):
    names = ["佐藤　太郎", "สมชาย ใจดี", "श्रीमान", "👩‍💻 dev", "Ştefan-Ö.Neil", "نرگس‌زهرا", "𠮷野家", "山田 太郎"]
    found, _ = collected(folder(tmp_path / "in", {f"{name}.ipynb": WORK for name in names}), tmp_path)
    assert sorted(found) == sorted(unicodedata.normalize("NFC", name) for name in names)
    for name in names:
        if "👩" not in name and "‌" not in name:
            assert report_name(unicodedata.normalize("NFC", name)) == unicodedata.normalize("NFC", name)


def test_what_could_deceive_a_reader_is_not(tmp_path):
    names = ["\u202enna", "a\x1b[2Jb", "a\x7fb", "a\u2028b", "a\u200bb", "\ufeffann", os.fsdecode(b"\xe5\xb1"), "a\nb"]
    found, _ = collected(folder(tmp_path / "in", {f"{name}.ipynb": WORK for name in names}), tmp_path)
    assert len(found) == len(names)
    assert all(c not in "".join(found) for c in "\u202e\x1b\x7f\u2028\u200b\ufeff\n")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in "".join(found))


@pytest.mark.parametrize(
    "files",
    [
        {"bob/w.ipynb": WORK, "bob.ipynb": WORK, "bob-2/w.ipynb": WORK},
        {"Ann.ipynb": WORK, "Ann/w.ipynb": WORK, "Ann-2.ipynb": OTHER},
        {"Ann.ipynb": WORK, "ann.ipynb": WORK, "ANN-2.ipynb": WORK, "ann-2/w.ipynb": WORK},
        {"e\u0301.ipynb": WORK, "\u00e9.ipynb": WORK, "\u00e9-2.ipynb": WORK},
        {"ｋｅｎ.ipynb": WORK, "ken.ipynb": WORK, "ken-2.ipynb": WORK},
        {"a\x01.ipynb": WORK, "a\x02.ipynb": WORK, "a\ufffd.ipynb": WORK, "a\ufffd-2.ipynb": WORK},
        {"ann\u200b.ipynb": WORK, "ann.ipynb": WORK, "ann-2.ipynb": WORK},
        {"straße.ipynb": WORK, "STRASSE.ipynb": WORK},
        {"ann.ipynb": WORK, "ann.ipynb.txt": WORK, "ann.IPYNB": WORK, "ann.zip": zipped({"w.ipynb": WORK})},
        {os.fsdecode(b"\xff/w.ipynb"): WORK, os.fsdecode(b"\xfe/w.ipynb"): WORK},
    ],
    ids=range(10),
)
def test_two_submissions_never_have_one_name(files, tmp_path):
    found, left_out = collected(folder(tmp_path / "in", files), tmp_path)
    assert len(found) == len(files) and not left_out
    assert len({unicodedata.normalize("NFKC", report_name(name)).casefold() for name in found}) == len(files)
    for name in files:  # a name that is free is not taken from its owner
        own = name.split("/")[0].removesuffix(".ipynb")
        if own.endswith("-2") and own.isascii():
            assert own in found or own.lower() in {one.lower() for one in found}


def test_a_report_is_never_that_of_another():
    first = report_name("Sato, Aki")
    assert report_name(first) != first, "a name that looks like one with a digest"
    for name in ("CON", "nul.txt", "com1", "a.", "a ", ".", "..", "", "a/b", "e\u0301", "x" * 500, "山" * 200):
        report = report_name(name)
        assert report != name and len(f"{report}.html".encode()) <= 180
        assert not report.startswith(".") and not report.endswith((".", " "))
    assert report_name("山田太郎" * 12) == "山田太郎" * 12, "144 bytes: the whole name"


def test_a_long_name_is_whole_in_the_table(tmp_path):
    names = ["山" * 80, "é" * 110, "x" * 248]
    found, _ = collected(folder(tmp_path / "in", {f"{name}.ipynb": WORK for name in names}), tmp_path)
    assert set(found) == set(names)
    longer = {f"{'山' * 900}{n}.ipynb": WORK for n in range(3)} | {f"{'x' * 5000}{n}.ipynb": WORK for n in range(2)}
    (tmp_path / "more").mkdir()
    found, _ = collected(archive(tmp_path / "a.zip", longer), tmp_path / "more")
    assert len(found) == 5 and sum("山" * 900 in name for name in found) == 3 and max(map(len, found)) < 1010


def test_a_number_of_a_platform_belongs_to_one(tmp_path):
    files = {
        "Aki Sato_101_assignsubmission_file_/w.ipynb": WORK,
        "eve/Aki Sato_101_assignsubmission_file_/w.ipynb": SECRET,
        "Aki Sato_101/w.ipynb": OTHER,
        "Aki Sato_101.ipynb": OTHER,
    }
    found, _ = collected(folder(tmp_path / "in", files), tmp_path)
    assert [one.student for one in found.values() if one.platform] == ["Aki Sato_101"]
    assert len(found) == 4 and found["Aki Sato_101"].path.read_bytes() == WORK


def test_a_file_cannot_be_called_like_another_participant(tmp_path):
    files = {
        "Carl_103_assignsubmission_file_x_104_assignsubmission_file_w.ipynb": WORK,
        "Dora_104_assignsubmission_file_w.ipynb": OTHER,
        "eve_105_9001_dora_104_9002_w.ipynb": WORK,
        "dora_104_9003_w.ipynb": OTHER,
    }
    found, _ = collected(folder(tmp_path / "in", files), tmp_path)
    assert sorted((one.platform, one.user_id, name) for name, one in found.items()) == [
        ("canvas", "104", "dora_104-2"),
        ("canvas", "105", "eve_105"),
        ("moodle", "103", "Carl_103"),
        ("moodle", "104", "Dora_104"),
    ]


# --- each entry is graded or named ---------------------------------------------------------------

ODD = {
    "ok.ipynb": WORK,
    "upper.IPYNB": WORK,
    "safari.ipynb.json": WORK,
    "chrome.ipynb.txt": WORK,
    "twice.ipynb (1).txt": WORK,
    "blank.ipynb ": WORK,
    "zipped.zip": zipped({"some where/w.ipynb": WORK, "__MACOSX/._w.ipynb": b"mac"}),
    "in a folder/w.zip": zipped({"W.IPYNB": WORK}),
    "in a folder/notes.txt": b"",
}


def test_what_browsers_and_people_make_of_a_notebook(tmp_path):
    found, left_out = collected(folder(tmp_path / "in", ODD), tmp_path, name="w")
    students = ["ok", "upper", "safari", "chrome", "twice", "blank", "zipped", "in a folder"]
    assert sorted(found) == sorted(students) and not left_out
    for one in found.values():
        assert (one.problem, one.path.read_bytes()) == ("", WORK), one
    assert len(list((tmp_path / "scratch").iterdir())) == len(found), "only what is graded is kept"


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_what_is_no_submission_is_named(packed, tmp_path):
    files = {
        "ann.ipynb": WORK,
        "empty/": b"",
        "bo/report.pdf": b"%PDF",
        "script.py": b"",
        "roster.csv": b"",
        ".hidden.ipynb": WORK,
        ".git/config": b"",
        ".ipynb": WORK,
        "data/x.csv": b"",
        "__pycache__/x.pyc": b"",
        "grades-01/results.jsonl": b"",
        "grades-01/reports/ann.html": b"",
        ".ipynb_checkpoints/ann-checkpoint.ipynb": WORK,
        "__MACOSX/._ann.ipynb": b"",
        ".DS_Store": b"",
        "cy/.hidden.ipynb": WORK,
        "cy/.git/x.ipynb": WORK,
    }
    where = archive(tmp_path / "a.zip", files) if packed else folder(tmp_path / "in", files)
    found, left_out = collected(where, tmp_path)
    assert {one.student: one.problem for one in found.values()} == {
        "ann": "",
        "bo": "no notebook was handed in, but report.pdf",
        "cy": "no notebook was handed in",
        "empty": "no notebook was handed in",
    }
    assert sorted(left_out) == [
        ".git (its name begins with a dot)",
        ".hidden.ipynb (its name begins with a dot)",
        ".ipynb (its name begins with a dot)",
        "__pycache__ (no notebook)",
        "data (no notebook)",
        "grades-01 (no notebook)",
        "roster.csv (no notebook)",
        "script.py (no notebook)",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_what_was_left_out_is_seen_at_the_end(tmp_path):
    more = {"[red]roster.csv": b"", "data/x.csv": b""} | {f"{n:03}.txt": b"" for n in range(60)}
    done = grade(folder(tmp_path / "in", {"nobody/": b"", ".x.ipynb": WORK} | more), "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "nobody: no mark" in done.output and ".x.ipynb (its name begins with a dot)" in done.output
    assert "and 13 more" in done.output
    page = (tmp_path / "out" / "class.html").read_text(encoding="utf-8")
    for name in ("[red]roster.csv", "data", ".x.ipynb", "059.txt"):
        assert f"<li>{name} (" in page


def test_links_are_named(tmp_path):
    where = folder(tmp_path / "in", {"ann.ipynb": WORK})
    folder(tmp_path / "elsewhere", {"w.ipynb": SECRET})
    (where / "bo").symlink_to(tmp_path / "elsewhere")
    (where / "cy.ipynb").symlink_to(tmp_path / "elsewhere" / "w.ipynb")
    (where / "dan.zip").symlink_to(tmp_path / "elsewhere")
    (where / "notes.txt").symlink_to("/etc/hostname")
    (where / "eve").mkdir()
    (where / "eve" / "w.ipynb").symlink_to(tmp_path / "elsewhere" / "w.ipynb")
    found, left_out = collected(where, tmp_path)
    assert [name for name, one in found.items() if one.problem == handed_in.LINK] == ["bo", "cy", "dan", "eve"]
    assert left_out == ["notes.txt (it is a link, not a file)"]


def test_our_own_results_are_no_submission(tmp_path):
    where = folder(tmp_path / "in", {"ann.ipynb": WORK, "out/results.jsonl": b"", "more/out/results.jsonl": b""})
    for out in (where / "out", where / "more" / "out"):
        found, left_out = collected(where, tmp_path, out=out)
        assert list(found) == ["ann"], out
        assert all("no notebook" in line for line in left_out)


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_groups_of_moodle(packed, tmp_path):
    files = {f"Group 1/{name}": content for name, content in MOODLE.items() if "__MACOSX" not in name}
    files |= {"Group 2/Gil_109_assignsubmission_file_/w.ipynb": WORK, "Group 2/Hal_110_assignsubmission_file_/": b""}
    files |= {"Group 2/readme.txt": b"", "Group 2/.x": b""}
    where = archive(tmp_path / "a.zip", files) if packed else folder(tmp_path / "in", files)
    found, left_out = collected(where, tmp_path, name="09_words")
    assert len(found) == 10 and {one.platform for one in found.values()} == {"moodle"}
    assert sorted(left_out) == ["Group 2/.x (its name begins with a dot)", "Group 2/readme.txt (no notebook)"]


def test_what_lies_beside_the_folder_around_all_is_named(tmp_path):
    files = {
        "Exercise 9/Ann.ipynb": WORK,
        "Exercise 9/Bo/w.ipynb": WORK,
        "Exercise 9/.x.ipynb": WORK,
        "Exercise 9/": b"",
    }
    files |= {"readme.txt": b"", ".y": b"", "Exercise 9/notes.txt": b"", "Exercise 9/.DS_Store": b""}
    found, left_out = collected(archive(tmp_path / "a.zip", files), tmp_path)
    assert list(found) == ["Ann", "Bo"]
    assert sorted(line.split(" (")[0] for line in left_out) == [".x.ipynb", ".y", "notes.txt", "readme.txt"]


def test_a_section_of_a_class_is_seen(tmp_path):
    files = {"section A/ann.ipynb": WORK, "section A/bo.ipynb": WORK, "section B/cy/w.ipynb": WORK}
    found, left_out = collected(folder(tmp_path / "in", files), tmp_path, name="09_words")
    assert found["section A"].problem == "the folder holds 2 notebooks, not one"
    assert found["section B"].name == "w.ipynb" and not left_out


def test_what_may_not_be_read_is_named(tmp_path):
    where = folder(tmp_path / "in", {"ann.ipynb": WORK, "bo/w.ipynb": WORK, "cy.ipynb": WORK})
    (where / "bo").chmod(0)
    (where / "cy.ipynb").chmod(0)
    if os.access(where / "cy.ipynb", os.R_OK):
        pytest.skip("this user may read everything, as root may")
    found, _ = collected(where, tmp_path)
    (where / "bo").chmod(0o700)
    assert {s: one.problem for s, one in found.items()} == {
        "ann": "", "bo": "it cannot be read: Permission denied", "cy": "it cannot be read: Permission denied"
    }  # fmt: skip


# --- a student's zip -----------------------------------------------------------------------------


def long_contents():
    """A zip with a table of contents of more than 4 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for n in range(100):
            file.writestr("a" * 60_000 + str(n), b"")
    return content.getvalue()


def spoiled():
    content = bytearray(zipped({"w.ipynb": os.urandom(1000)}))
    content[60:70] = bytes(10)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "File is not a zip file"),
        (b"", "File is not a zip file"),
        (zipped({"../w.ipynb": WORK}), "a path to outside"),
        (zipped({"w.ipynb": WORK}).replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"), "is encrypted"),
        (zipped({"w.ipynb": WORK}).replace(b"\x08\x00", b"\x63\x00", 4), "cannot be unpacked"),
        (zipped({"w.ipynb": b" " * 3_000_000}), "larger than"),
        (zipped({"inner.zip": zipped({"w.ipynb": WORK})}), "no notebook was handed in, but"),
        (zipped({}), "no notebook was handed in, but"),
        (zipped({"a.ipynb": WORK, "b.ipynb": WORK}), "holds 2 notebooks"),
        (long_contents(), "table of contents is too long"),
        (spoiled(), "cannot be unpacked"),
    ],
    ids=["no zip", "empty", "outside", "encrypted", "method", "bomb", "zip in zip", "nothing", "two", "long", "crc"],
)
@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_a_students_zip_that_means_harm_costs_one_row(content, words, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_FILE", 20_000_000 if "table" in words else 2_000_000)
    files = {"ann.ipynb": WORK, "eve/w.zip": content}
    where = archive(tmp_path / "a.zip", files) if packed else folder(tmp_path / "in", files)
    found, _ = collected(where, tmp_path)
    assert words in found["eve"].problem and found["ann"].path.read_bytes() == WORK


def test_a_students_other_zips_are_not_opened(tmp_path):
    files = {"ann/w.ipynb": WORK, "ann/data.zip": b"no zip", "ann/old.zip": zipped({"old.ipynb": WORK})}
    found, _ = collected(folder(tmp_path / "in", files), tmp_path)
    assert found["ann"].path.read_bytes() == WORK and not found["ann"].problem


def test_one_student_cannot_fill_the_memory_or_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_READ", 3_000_000)
    monkeypatch.setattr(handed_in, "MAX_OF_STUDENT", 50)
    files = {"ann.ipynb": WORK} | {f"eve/{n}.ipynb": b" " * 1_000_000 for n in range(10)}
    files |= {f"flo/{n}/x.txt": b"" for n in range(60)} | {f"gil/{n}.txt": b"" for n in range(70)}
    files |= {"gil/.x/y.ipynb": WORK, "/".join(["hal", *"x" * 100, "w.ipynb"]): WORK}
    found, _ = collected(folder(tmp_path / "in", files), tmp_path)
    assert list(found) == ["ann", "eve", "flo", "gil", "hal"]
    assert "larger than" in found["eve"].problem and "more than 50" in found["flo"].problem
    assert sum(path.stat().st_size for path in (tmp_path / "scratch").iterdir()) < 1_100_000


@pytest.mark.parametrize("name", ["{}.ipynb", "{}.zip"])
def test_many_large_files_of_one_student_are_not_all_read(name, tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_READ", 3_000_000)
    read, copied = [], handed_in._copy
    monkeypatch.setattr(handed_in, "_copy", lambda *args: read.append(copied(*args)) or read[-1])
    files = {f"eve/{name.format(n)}": zipped({"x.txt": os.urandom(900_000)}) for n in range(12)}
    found, _ = collected(folder(tmp_path / "in", files | {"ann.ipynb": WORK}), tmp_path)
    assert sum(read) < 4_000_000 and found["eve"].problem and not found["ann"].problem
    (tmp_path / "more").mkdir()
    packed = archive(tmp_path / "a.zip", {f"flo/{n}.ipynb": b" " * 9_000_000 for n in range(9)} | {"ann.ipynb": WORK})
    monkeypatch.setattr(handed_in, "MAX_FILE", 2_000_000)
    read.clear()
    found, _ = collected(packed, tmp_path / "more")
    assert sum(read) < 6_000_000 and found["flo"].problem and not found["ann"].problem


def test_not_every_zip_of_a_student_is_opened(tmp_path, monkeypatch):
    opened, real = [], handed_in.BoundedZip
    monkeypatch.setattr(handed_in, "BoundedZip", lambda path: opened.append(path) or real(path))
    empty = {f"eve/{n:02}.zip": zipped({}) for n in range(20)}
    found, _ = collected(folder(tmp_path / "in", empty | {"ann.zip": zipped({"w.ipynb": WORK})}), tmp_path)
    assert found["eve"].problem == "no notebook was handed in, but 00.zip" and not found["ann"].problem
    assert len(opened) == submissions.MAX_ZIPS + 1


def test_a_sparse_file_is_not_even_read(tmp_path, monkeypatch):
    where = folder(tmp_path / "in", {"ann.ipynb": WORK, "eve.ipynb": b""})
    with (where / "eve.ipynb").open("wb") as file:
        file.truncate(1_500_000_000)
    read, copied = [], handed_in._copy
    monkeypatch.setattr(handed_in, "_copy", lambda *args: read.append(copied(*args)) or read[-1])
    found, _ = collected(where, tmp_path)
    assert "larger than" in found["eve"].problem and read == [len(WORK)]


def test_too_many_entries_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(handed_in, "MAX_ENTRIES", 5)
    with pytest.raises(ValueError, match="more than 5 entries"):
        collected(folder(tmp_path / "in", {f"{n}.ipynb": WORK for n in range(6)}), tmp_path)


# --- each file decides for itself which platform it is from --------------------------------------

CANVAS = {
    "doejane_LATE_101_9001_01_tensors.ipynb": WORK,
    "satōaki_102_9002_01_tensors-1.ipynb": WORK,
    "o_neil_103_9003_01_tensors.ipynb": WORK,
    "poeann_104_9004_work.zip": zipped({"01_tensors.ipynb": WORK}),
    "roerick_105_9005_essay.pdf": b"%PDF",
    "textonly_106_text.html": b"",
    "two_107_9007_09_words.ipynb": WORK,
    "two_107_9008_other.ipynb": OTHER,
}


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
@pytest.mark.parametrize(
    "stranger", ["01_tensors.ipynb", "Emailed Student.ipynb", "a folder/w.ipynb", "ho_1_2_x.ipynb"]
)
def test_a_stranger_takes_nothing_from_canvas(packed, stranger, tmp_path):
    files = CANVAS | {stranger: WORK}
    where = archive(tmp_path / "a.zip", files) if packed else folder(tmp_path / "in", files)
    found, left_out = collected(where, tmp_path, name="01_tensors")
    canvas = {one.user_id: one for one in found.values() if one.platform == "canvas"}
    assert sorted(canvas) == ["101", "102", "103", "104", "105", "106", "107"] and not left_out
    assert [one.user_id for one in canvas.values() if one.late] == ["101"] and len(found) == 8
    assert canvas["102"].name == canvas["103"].name == "01_tensors.ipynb" and canvas["103"].student == "o_neil_103"
    assert [id for id, one in canvas.items() if one.problem] == ["105", "106"]


@pytest.mark.parametrize(
    "names",
    [
        ["hw_1_2_ann", "hw_1_2_bo", "hw_1_3_cy"],
        ["lee_2026_11_a", "kim_2026_11_a"],
        ["2026_11_20_ann", "2026_11_20_bo", "2026_1120_300_cy"],
        ["lab_01_102_ann", "lab_01_103_bo"],
        ["hw_101_200_ann", "hw_101_200_bo"],
        ["Ann Lee_101_200_x", "Bo-Ann_101_300_x"],
    ],
)
def test_numbers_alone_are_not_canvas(names, tmp_path):
    found, _ = collected(folder(tmp_path / "in", {f"{name}.ipynb": WORK for name in names}), tmp_path)
    assert sorted(found) == sorted(names) and not any(one.platform for one in found.values())


def test_canvas_without_names(tmp_path):
    files = {"anon_aB3dE_456_01_x.ipynb": WORK, "LATE_anon_Zz9yX_457_01_x.ipynb": WORK, "anon_aB3dE_458_b.pdf": b""}
    found, _ = collected(folder(tmp_path / "in", files), tmp_path)
    assert {s: (one.late, one.name) for s, one in found.items()} == {
        "anon_Zz9yX": (True, "01_x.ipynb"),
        "anon_aB3dE": (False, "01_x.ipynb"),
    }


# --- any names at all ----------------------------------------------------------------------------

SUFFIXES = ["", ".ipynb", ".IPYNB", ".ipynb.txt", ".zip", ".txt", "_12_assignsubmission_file_", "_101_9001_w.ipynb"]
TEXTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=90)
PIECES = TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
BYTES = st.binary(min_size=1, max_size=250).map(lambda one: one.replace(b"/", b"|").replace(b"\0", b"0"))
NAMES = st.one_of(PIECES, BYTES, st.sampled_from([b"ann", b"Ann", b"ann-2", b"\xef\xbd\x81nn", b".x", b"con", b"data"]))
ENTRIES = st.lists(
    st.tuples(NAMES, st.sampled_from(SUFFIXES), st.sampled_from(["file", "link", "pipe", "folder", "full", "two"])),
    min_size=1,
    max_size=8,
)


def make(path, kind):
    """An entry of a class's folder; the file system may refuse its name, or have it already."""
    if os.path.lexists(path):
        return False
    if kind == "file":
        path.write_bytes(WORK)
    elif kind == "link":
        path.symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
        for inner in {"folder": [], "full": ["w.ipynb"], "two": ["w.ipynb", os.fsdecode(b"\xffx.ipynb")]}[kind]:
            (path / inner).write_bytes(WORK)
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="makes links and pipes, and names that are no text")
@settings(deadline=None, max_examples=150)
@given(ENTRIES)
@example([(b"ann", ".ipynb", "file"), (b"ann", "", "full"), (b"ann-2", ".ipynb", "file"), (b"ANN", ".zip", "file")])
@example([(b"\xe5\xb1\xb1" * 80, ".ipynb", "file"), (b"\xff" * 200, "", "two"), (b"\xed\xa0\x80", ".ipynb", "file")])
def test_any_set_of_entries(entries):
    with tempfile.TemporaryDirectory() as temporary:
        where = Path(temporary, "in")
        where.mkdir()
        made = set()
        for name, suffix, kind in entries:
            with contextlib.suppress(OSError):
                full = os.fsdecode(name + suffix.encode())
                if full not in (".", "..") and make(where / full, kind):
                    made.add(full)
        left_out = []
        try:
            found = find_submissions(where, EXERCISE, Path(temporary, "scratch"), left_out=left_out)
        except ValueError as error:
            assert "holds no submissions" in str(error)
            found = []
        named = made - {".DS_Store", ".ipynb_checkpoints", "__MACOSX"}
        # each is a submission or named; Moodle's and Canvas's names may say that two are one student's
        platform = [n for n in named if platforms.is_of_platform(n)]
        assert len(found) + len(left_out) <= len(named) <= len(found) + len(left_out) + max(len(platform) - 1, 0)
        looks = {submissions._normal_form(one.student) for one in found}
        assert len(looks) == len(found), [one.student for one in found]
        reports = {unicodedata.normalize("NFKC", report_name(one.student)).casefold() for one in found}
        assert len(reports) == len(found)
        for text in [*(one.student for one in found), *left_out]:
            assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
            text.encode("utf-8")
        for one in found:
            file = f"{report_name(one.student)}.html"
            assert len(file.encode()) <= 180
            Path(temporary, file).write_text("x", encoding="utf-8")
            assert one.problem or one.path.read_bytes() == WORK


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=6))
@example(["a" * 65000 + ".ipynb", "_1" * 9000 + ".ipynb", ".ipynb" * 3000 + "x", "(1)" * 9000])
def test_any_names_in_an_archive(names):
    with tempfile.TemporaryDirectory() as temporary:
        where = Path(temporary, "class.zip")
        with zipfile.ZipFile(where, "w") as file, contextlib.suppress(UnicodeError):
            for name in dict.fromkeys(names):
                file.writestr(zipfile.ZipInfo(name[:20000]), WORK)
        left_out = []
        try:
            found = find_submissions(where, EXERCISE, Path(temporary, "scratch"), left_out=left_out)
        except ValueError as error:
            assert "holds no submissions" in str(error) or "path to outside" in str(error)
            return
        reports = {report_name(one.student).casefold() for one in found}
        assert len(reports) == len(found)
        for report in reports:
            Path(temporary, f"{report}.html").write_text("x")


# --- the table -----------------------------------------------------------------------------------


def test_no_cell_is_a_formula_and_excel_shows_the_names(tmp_path):
    from lecture_grader.results import Results, escape_formula

    names = ["=1+1", "＝1+1", "＋1", "－1", "＠x", "@x", "x;=1+1", "x; =1", "x|-1", " =1", "山田太郎", "Ann-Lee", "a=b"]
    with Results(tmp_path) as results:
        for name in names:
            results.append({"student": name})
        results.write_csv(names, EXERCISE)
    content = (tmp_path / "grades.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") and content.count(b"\xef\xbb\xbf") == 1
    shown = [line["student"] for line in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]
    harmless = ["山田太郎", "Ann-Lee", "a=b"]
    assert shown == [*(f"'{name}" for name in names[:6]), "x;'=1+1", "x; '=1", "x|'-1", " '=1", *harmless]
    assert [escape_formula(name) for name in shown] == shown
