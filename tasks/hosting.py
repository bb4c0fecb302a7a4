"""Importing numbers that live elsewhere as Prefect tasks."""

from __future__ import annotations

from numberflow.purchase.hosting import import_numbers as imports
from tasks.step import reported, step

look_at_imports = step("look at the numbers to import")(
    reported(imports.look_at_free_numbers, imports.import_report)
)
import_numbers = step("import numbers")(reported(imports.import_numbers, imports.import_report))
