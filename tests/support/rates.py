"""A pace that is never in the way.

What it costs and how it changes is tested where it is the subject.
"""

from __future__ import annotations

FREE = {
    "NUMBERFLOW_NUMBERS_RATE": "10000,1,10000",
    "NUMBERFLOW_IMPORTED_RATE": "10000,1,10000",
    "NUMBERFLOW_TOKEN_RATE": "10000,1,10000",
}
