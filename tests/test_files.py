import os
import stat

import pytest

from lecture_utils.files import atomic_write, write_text


def test_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "before")
    with pytest.raises(RuntimeError), atomic_write(target) as draft:
        draft.write_text("half")
        raise RuntimeError
    assert target.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    with atomic_write(target) as draft:
        draft.write_text("after")
        assert target.read_text() == "before" and draft.suffix == ".txt"
    assert target.read_text() == "after" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_left_alone(tmp_path, make):
    make(tmp_path / "thing")
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "thing", "after")
    assert (tmp_path / "thing").exists() and not (tmp_path / "thing").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["thing"]


def test_a_missing_folder_is_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "file.txt", "é")
    assert (tmp_path / "a" / "b" / "file.txt").read_bytes() == "é".encode()


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_has_the_permissions_of_any_new_file(tmp_path, monkeypatch, mask):
    """And the mask, which all threads share, is not changed to find them out."""
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("another thread would make files that all may write"))
            write_text(tmp_path / "file.txt", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o666 & ~mask
