"""Parameters of reconcile, checked."""

from __future__ import annotations

from numberflow.models.parameters import OneProject


class Reconcile(OneProject):
    """Parameters of reconcile."""

    show_all: bool = False
