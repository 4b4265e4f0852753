"""The glossary and the lectures name the same terms, in two languages, and lead to each other."""

import re

import nbformat
import pytest
from conftest import LECTURES, ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (.+)\n\n((?:.+\n)+)", GLOSSARY, re.MULTILINE))
KANJI = r"\u3400-\u9fff"


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def sections(path) -> dict[str, str]:
    """A lecture's text by the number of the section that it stands in."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    parts = re.split(r"^#{2,3} (?:(\d+(?:\.\d+)?)\.? )?", text, flags=re.MULTILINE)
    return {number: part for number, part in zip(parts[1::2], parts[2::2], strict=True) if number}


TEXTS = {path.name: sections(path) for path in LECTURES}


def test_sorted_under_its_letters_without_repetition():
    headings = re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)
    assert len(headings) == len(ENTRIES) == len({anchor(heading) for heading in headings}) > 100
    assert headings == sorted(headings, key=str.casefold)
    letters = re.findall(r"^##+ (.).*$", GLOSSARY, re.MULTILINE)
    assert [letter.upper() for letter in letters] == sorted(letter.upper() for letter in letters)
    assert set(re.findall(r"^## (.+)$", GLOSSARY, re.MULTILINE)) == {heading[0].upper() for heading in headings}


@pytest.mark.parametrize("heading", ENTRIES)
def test_entry(heading):
    entry = re.fullmatch(
        r"\*\*(?P<japanese>.+?)\*\*(?: \((?P<reading>.+?)\))?\. (?P<text>.+)\n"
        r"\[Lecture (?P<lecture>\d)\]\(\.\./lectures/(?P<file>.+?)\), section (?P<section>[\d.]+)\.\n",
        ENTRIES[heading],
    )
    assert entry, "the form is: **日本語** (reading). Text, then a line with the lecture and the section"
    assert re.fullmatch(rf"[\u3040-\u30ff{KANJI}A-Za-z0-9_ -]+", entry["japanese"])  # some are written in Latin letters
    if re.search(f"[{KANJI}]", entry["japanese"]):
        assert re.fullmatch(r"[\u3040-\u30ff]+", entry["reading"] or ""), "kanji need a reading in kana"
    else:
        assert not entry["reading"]
    assert 1 <= len(re.findall(r"[.?!](?: |$)", entry["text"])) <= 3 and len(entry["text"].split()) <= 40
    section = TEXTS[entry["file"]][entry["section"]]
    assert entry["file"].startswith(f"0{entry['lecture']}_")
    assert f"](../docs/glossary.md#{anchor(heading)})" in section, "the section links to the entry"
    assert entry["japanese"] in section, "and gives the term in Japanese"


def test_links_lead_to_entries_in_jupyterlab_too():
    """It keeps the case of a heading where GitHub and the book write small letters, and knows the ids of tags."""
    differ = {anchor(heading): heading for heading in ENTRIES if heading.replace(" ", "-") != anchor(heading)}
    assert "lstm" in differ
    assert dict(re.findall(r'^<a id="(.+)"></a>\n\n### (.+)$', GLOSSARY, re.MULTILINE)) == differ
    assert GLOSSARY.count("<a id") == len(differ)


def test_links_lead_to_entries_each_once():
    anchors = {anchor(heading) for heading in ENTRIES}
    files = [path for folder in ("lectures", "solutions", "exercises") for path in (ROOT / folder).glob("*.ipynb")]
    linked = [
        link
        for path in [*files, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for link in re.findall(r"glossary\.md#([^)\s]+)", path.read_text(encoding="utf-8"))
    ]
    assert set(linked) == anchors
    assert len(linked) == len(anchors), "a term is linked where it is introduced, not everywhere"
