"""News: the content of a callback, for any noun. callbacks.py words, signs and delivers it."""

from dataclasses import dataclass
from datetime import datetime

from numberflow.simulator.provisioning import Event


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a resource: which one, where to send it, what, when.

    `resource_type` is the vendor's: ACTIVE_NUMBER and NUMBER_ORDER belong to the Numbers API, all
    others to the imported-numbers API.
    """

    resource_id: str
    callback_url: str
    event: Event
    at: datetime
    resource_type: str = "ACTIVE_NUMBER"
