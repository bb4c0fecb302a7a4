"""News: what a callback will tell, whatever noun it is about.

How it is worded, signed and delivered is in callbacks.py.
"""

from dataclasses import dataclass
from datetime import datetime

from numberflow.simulator.provisioning import Event


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a resource: which one, where to tell it, what, when.

    `resource_type` is the vendor's: ACTIVE_NUMBER and NUMBER_ORDER belong to the Numbers API, all
    others to the imported-numbers API.
    """

    resource_id: str
    callback_url: str
    event: Event
    at: datetime
    resource_type: str = "ACTIVE_NUMBER"
