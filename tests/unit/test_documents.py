"""What the documents name exists: links, files, and recipes of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", DOCUMENTS, ids=_name)
def test_every_path_exists(page: Path) -> None:
    """Links are relative to the page, other paths to the root of the repository."""
    text = page.read_text()
    links = {link for link in _LINK.findall(text) if not (page.parent / link).exists()}
    paths = {
        path
        for path in _PATH.findall(text)
        if not ((ROOT / path).exists() or (page.parent / path).exists())
    }
    assert (set(), set()) == (links, paths)


@pytest.mark.parametrize("page", DOCUMENTS, ids=_name)
def test_every_recipe_exists(page: Path) -> None:
    """`make …` in a document is a recipe of the Makefile."""
    recipes = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set() == set(_RECIPE.findall(page.read_text())) - recipes
