"""The vendor's APIs, usable alone.

Async, typed, and honest about what may have happened after a lost reply. See docs/client.md.
"""

from numberflow.client.client import Client
from numberflow.client.retry import Budget
from numberflow.client.transport import Watch

__all__ = ["Budget", "Client", "Watch"]
