"""What the site has beside docs/: the README, the changelog, and the sources that pages link to.

mkdocs calls the functions on_*. The documents' links are those of the repository, so that they work
there; here they lead to where a file stands in the site. A link that leads nowhere ends the build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("README.md", "CHANGELOG.md")
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[)#])")
DOCTEST = re.compile(r"^```python\n(?=>>> )", re.MULTILINE)
SOURCE = """\
---
search:
  exclude: true
hide: [toc]
---
# {name}

~~~~python linenums="1"
{text}
~~~~
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in docs/ and either stands in `FIRST` or is linked to, directly or not."""
    documents = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    waiting, seen = [*FIRST, *documents], {*FIRST, *documents}
    while waiting:
        name = waiting.pop()
        text = (ROOT / name).read_text(encoding="utf-8")
        if not name.startswith("docs/"):
            content = relinked(text, name) if is_page(name) else SOURCE.format(name=name, text=text)
            files.append(File.generated(config, place(name), content=content))
        if is_page(name):
            linked = {target(link, name) for link in LINK.findall(text)} - seen
            found = {other for other in linked if is_outside(other)}
            waiting += sorted(found)
            seen |= found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The pages of docs/, with the links of the site."""
    is_ours = page.file.generated_by is None
    return relinked(markdown, f"docs/{page.file.src_uri}") if is_ours else markdown


def relinked(text: str, name: str) -> str:
    """A document of the repository with the links of the site; sessions are shown as such."""

    def there(match: re.Match[str]) -> str:
        return posixpath.relpath(place(target(match[0], name)), posixpath.dirname(place(name)))

    return LINK.sub(there, DOCTEST.sub("```pycon\n", text))


def target(link: str, name: str) -> str:
    """The file of the repository that a link in a document leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def place(name: str) -> str:
    """Where a file of the repository stands in the site, as mkdocs names its pages."""
    if name == "README.md":
        return "index.md"
    if is_page(name) or not is_outside(name):
        return name.removeprefix("docs/")
    return f"source/{name}.md"


def is_page(name: str) -> bool:
    """Markdown: shown as a page, its links followed."""
    return name.endswith(".md")


def is_outside(name: str) -> bool:
    """A file that mkdocs does not find by itself."""
    return not name.startswith("docs/") and (ROOT / name).is_file()
