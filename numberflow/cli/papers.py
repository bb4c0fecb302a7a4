"""`numberflow papers`: list the papers store, put papers into it and remove them."""

from __future__ import annotations

from pathlib import Path

import typer

from numberflow.cli.console import print_json
from numberflow.json_text import to_json
from numberflow.paper_store import PaperStore
from numberflow.settings import Settings


def put(source: Path, name: str | None, *, replace: bool, as_json: bool) -> None:
    """Copy a file into the store and print the name that runs use for it.

    Raises:
        BadInput: the file cannot be used, or the name is not valid or taken.
        StoreUnavailable: the store cannot be written.
    """
    paper = _store().put(source, name if name is not None else source.name, replace=replace)
    if as_json:
        typer.echo(to_json(paper))
    else:
        typer.echo(f"In the papers store as {paper.reference}; name it so in forms and --params.")


def list_papers(*, as_json: bool) -> None:
    """Every paper that a run can name.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    store = _store()
    papers = store.papers()
    if as_json:
        print_json(papers)
        return
    for paper in papers:
        typer.echo(f"{paper.size:>10,}  {paper.reference}")
    if not papers:
        typer.echo(
            f"The papers store at {store.root} is empty; `numberflow papers put <file>` fills it."
        )


def remove(name: str) -> None:
    """Remove a paper.

    Raises:
        BadInput: there is no such paper.
        StoreUnavailable: the store cannot be written.
    """
    _store().remove(name)
    typer.echo(f"Removed {name}.")


def _store() -> PaperStore:
    return PaperStore.of(Settings.load())
