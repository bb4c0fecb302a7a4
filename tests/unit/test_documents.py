"""What the documents name exists: links, files, and recipes of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.page import pages

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for page in ROOT.glob("docs/**/*.md") if "vendor" not in page.parts),
        ROOT / "Makefile",
        ROOT / ".ci/run",
    ]
)
# Paths that stand in code marks or commands: those that begin with one of our folders.
_PATH = re.compile(
    r"(?<![\w/.-])((?:tests|docs|benchmarks|deployments|flows|tasks|numberflow|\.ci)/[\w./-]*[\w/])"
)
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_RECIPE = re.compile(r"`make ([a-z-]+)")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_path_exists(document: Path) -> None:
    """Links are relative to the page, other paths to the root of the repository."""
    text = document.read_text()
    links = {link for link in _LINK.findall(text) if not (document.parent / link).exists()}
    paths = {
        path
        for path in _PATH.findall(text)
        if not ((ROOT / path).exists() or (document.parent / path).exists())
    }
    assert (set(), set()) == (links, paths)


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_recipe_exists(document: Path) -> None:
    """`make …` in a document is a recipe of the Makefile."""
    recipes = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set() == set(_RECIPE.findall(document.read_text())) - recipes


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=list(pages()))
def test_the_pages_of_flows_are_made_from_the_table(path: str, text: str) -> None:
    """They are what `make pages` writes; run it after a change to a flow's parameters."""
    assert text == (ROOT / "docs" / path).read_text()


def test_every_flow_has_a_page_and_no_other() -> None:
    """A flow that was renamed leaves none behind."""
    there = {f"flows/{page.name}" for page in ROOT.glob("docs/flows/*")}
    assert set(pages()) - {"flows.md"} == there


def test_every_page_of_the_handbook_has_its_place() -> None:
    """A new page in docs/ is added to `nav` in mkdocs.yml (`make docs` checks its links)."""
    pages = {str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")}
    assert pages == set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text()))
