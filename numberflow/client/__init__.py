"""The vendor's APIs, usable on their own: async, typed, clear about unknown outcomes.

See docs/client.md.
"""

from numberflow.client.client import Client
from numberflow.client.retry import Budget
from numberflow.client.transport import Watch

__all__ = ["Budget", "Client", "Watch"]
