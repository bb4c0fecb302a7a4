"""Tables as CSV, for spreadsheets: no cell runs as a formula.

Only files that people open. Parquet and JSON keep every text as it is.
"""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

# What a spreadsheet takes for a formula; some take the wide letters of East Asia, too. A number in
# E.164 is none: plus and digits stay a value, and readers of our files rely on it.
_WIDE_EQUALS, _WIDE_AT, _WIDE_MINUS, _WIDE_PLUS = "\uff1d", "\uff20", "\uff0d", "\uff0b"
_FORMULA = rf"^([=@\t\r\n{_WIDE_EQUALS}{_WIDE_AT}{_WIDE_MINUS}-]|[+{_WIDE_PLUS}](\d*[^\d]|$))"


def write_csv(table: pa.Table, file: BinaryIO) -> None:
    """Write a table as CSV.

    Text that a spreadsheet would run gets an apostrophe in front. Lists become SMS|VOICE.
    """
    columns = [_harmless(each) for each in table.columns]
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), file)


def _harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, "|")
    if not pa.types.is_string(column.type):
        return column
    runs = pc.match_substring_regex(column, _FORMULA)
    return pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
