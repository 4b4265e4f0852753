"""How Sphinx makes the book of the course: ``make book`` reads the repository as it lies there and runs no notebook."""

import hashlib
import importlib.util
import json
import re
import shutil
import tomllib
from binascii import a2b_base64
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ConfigError
from sphinx.search.en import SearchEnglish
from sphinx.util.logging import getLogger

logger = getLogger(__name__)
ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
REPOSITORY = REPOSITORY.rstrip("/").removesuffix(".git")

project = "PyTorch, from the first tensor to a deployed app"
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx_copybutton"]
include_patterns = ["index.md", "README*.md", "docs/*.md", "lectures/*.ipynb", "exercises/*.ipynb", "solutions/*.ipynb"]
READ = {pattern.partition("/")[0] for pattern in include_patterns}
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in READ]  # not even walked
exclude_patterns += ["docs/architecture.md"]  # for those who change the code; GitHub draws its diagrams

# Notebooks are Jupyter's Markdown: of MyST's own additions only what Jupyter knows too.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # nothing is fetched to run widgets: their still pictures are shown
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_labels = False
myst_disable_syntax = ["myst_block_break", "myst_line_comment", "myst_target", "myst_role"]
myst_heading_anchors = 3
myst_update_mathjax = False  # it would set up a newer MathJax than ours
nitpicky = True

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}
html_show_sphinx = False
html_search_language = "en-and-japanese"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "use_repository_button": True,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_content_items": "extra-footer.html",
    "extra_footer": "Code: MIT. Text and figures: CC BY 4.0.",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_selector = "div.highlight:not(.output *) pre"

# MathJax as a Python package, as the decks use it; put_mathjax_there copies it
mathjax_path = "mathjax/MathJax.js"
mathjax2_config = {
    "config": ["TeX-AMS-MML_HTMLorMML-full.js", "Safe.js"],
    "tex2jax": {"processClass": "math"},  # the rest of the page is marked as none of its business
    # its empty font is about:blank, which a browser refuses to a page on a disk
    "HTML-CSS": {"fonts": ["STIX-Web"], "styles": {"@font-face": {"src": "local('MathJax_Blank')"}}},
    "messageStyle": "none",
}


def put_mathjax_there(app) -> None:
    package = importlib.util.find_spec("jupyter_server_mathjax")
    if package is None:
        raise ConfigError("jupyter-server-mathjax is missing: pip install -e '.[slides,book]'")
    static = Path(package.origin).parent / "static"
    shutil.copytree(static, app.outdir / "_static" / "mathjax", dirs_exist_ok=True)


WEB = ROOT / "build" / "web"  # what `lecture web` made, if it was called before
SHEET = """<details class="sheet"><summary>Draw here: the network comes into this page ({size:.0f} MB at most)</summary>
<iframe data-src="../web/index.html" title="A sheet to draw on, and what the network sees in it"></iframe>
</details>"""


def put_web_there(app) -> None:
    if (WEB / "index.html").is_file():
        shutil.copytree(WEB, app.outdir / "web", dirs_exist_ok=True)


def add_sheet(notebook: dict) -> None:
    """Below the drawing sheet of lecture 6, which needs a kernel, put one that needs none."""
    for at, cell in enumerate(notebook["cells"]):
        if cell["id"] == "pad" and (WEB / "index.html").is_file():
            size = sum(file.stat().st_size for file in WEB.rglob("*") if file.is_file()) / 1e6
            sheet = {"cell_type": "markdown", "id": "sheet", "metadata": {}, "source": SHEET.format(size=size)}
            notebook["cells"].insert(at + 1, sheet)
            return


class EnglishAndJapanese(SearchEnglish):
    """Words of English, and of Japanese, which writes no spaces: each run of it, and each pair of neighbours in it.

    The page's own search looks up a word of two letters as it is, and finds longer ones inside of others.
    """

    lang = "en-and-japanese"

    def split(self, input: str) -> list[str]:
        runs = re.findall(r"[\u3040-\u30ff\u3400-\u9fff々]+", input)
        return super().split(input) + runs + [run[i : i + 2] for run in runs for i in range(len(run) - 1)]


ALTS: dict[str, str] = {}  # of each picture in a notebook's outputs, by the name that myst_nb gives its file


def prepare_notebook(app, docname: str, source: list[str]) -> None:
    """Fold what the reader should open, and remember the pictures' alternative texts, which myst_nb drops."""
    if app.env.doc2path(docname).suffix != ".ipynb":
        source[0] = re.sub(r'^<a id=".+"></a>\n\n', "", source[0], flags=re.MULTILINE)  # for JupyterLab; here twice
        return
    notebook = json.loads(source[0])
    notebook["metadata"]["language_info"]["pygments_lexer"] = "ipython3"
    if docname.startswith("solutions/"):
        _introduce_solution(notebook["cells"][0], docname)
    if docname == "lectures/06_deployment":
        add_sheet(notebook)
    for cell in notebook["cells"]:
        tags = cell["metadata"].setdefault("tags", [])
        if cell["metadata"].get("nbgrader", {}).get("solution") and docname.startswith("solutions/"):
            cell["source"] = re.sub(r" *# (?:BEGIN|END) SOLUTION\n?", "", "".join(cell["source"]))
            tags.append("hide-input")
            _name_fold(cell, "the answer")
        elif "hide-input" in tags:
            _name_fold(cell, "the code", re.match(r"# (.+?) \(folded\): (.+)", "".join(cell["source"])))
        for output in cell.get("outputs", []):
            if picture := output.get("data", {}).get("image/png"):
                name = hashlib.sha256(a2b_base64("".join(picture))).hexdigest()
                ALTS[name] = output["metadata"].get("image/png", {}).get("alt", "")
                if not ALTS[name]:
                    logger.warning("cell %s: picture without alternative text", cell["id"], location=docname)
    source[0] = json.dumps(notebook)


def _introduce_solution(cell: dict, docname: str) -> None:
    """The first cell is that of the exercise: its title and its link to Colab would be wrong here."""
    title = re.sub("^# Exercise", "# Solution", "".join(cell["source"]))
    words = f"The tasks of [the exercise](../exercises/{Path(docname).name}.ipynb), each with an answer to unfold."
    cell["source"] = re.sub(r"^\[Open in Colab\].*\n", words + "\n", title, flags=re.MULTILINE)


def _name_fold(cell: dict, what: str, first_line: re.Match | None = None) -> None:
    """What to press to see the code; a folded cell of the course says in its first line what it holds."""
    if first_line:
        name = first_line[1][0].lower() + first_line[1][1:]
        what += f" ({name}: {first_line[2]})"
    cell["metadata"]["mystnb"] = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}


def mend_pictures_and_links(app, doctree: nodes.document) -> None:
    """Alternative texts; a badge of another site becomes words; a file that is no page is looked at on GitHub."""
    for image in list(doctree.findall(nodes.image)):
        if image["uri"].startswith(("http:", "https:")):
            image.replace_self(nodes.Text(image["alt"]))
        elif alt := ALTS.get(Path(image["uri"]).stem):
            image["alt"] = alt
            width = image.get("width", "auto")
            box = f'<div class="picture" style="--width: {width}px">' if width.isdigit() else '<div class="picture">'
            place = image.parent.index(image)
            image.parent[place : place + 1] = [_html(box), image, _html("</div>")]
    for link in list(doctree.findall(addnodes.download_reference)):
        path = (app.srcdir / app.env.doc2path(app.env.docname)).parent / link["reftarget"]
        uri = f"{REPOSITORY}/blob/main/{path.resolve().relative_to(ROOT).as_posix()}"
        link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=False))
    for link in list(doctree.findall(addnodes.pending_xref)):
        file = ROOT / f"{link['reftarget']}.md"
        if link.get("refdomain") == "doc" and link["reftarget"] not in app.env.found_docs and file.is_file():
            uri = f"{REPOSITORY}/blob/main/{file.relative_to(ROOT).as_posix()}"
            link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=False))


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def finish_page(app, pagename: str, template: str, context: dict, doctree) -> None:
    """Name the page's language; what opens a fold is called what it says, not the same everywhere."""
    if "body" in context:
        context["body"] = context["body"].replace('<summary aria-label="Toggle hidden content">', "<summary>")
    if pagename.endswith(".ja"):
        context["language"] = "ja"


def setup(app) -> None:
    app.add_search_language(EnglishAndJapanese)
    app.connect("builder-inited", put_mathjax_there)
    app.connect("builder-inited", put_web_there)
    app.connect("env-get-outdated", lambda *_: ["lectures/06_deployment"])  # the sheet may be there now, or gone
    app.connect("source-read", prepare_notebook)
    app.connect("doctree-read", mend_pictures_and_links)
    app.connect("html-page-context", finish_page)
