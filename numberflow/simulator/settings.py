"""Settings of one simulator: seed, size, credentials, clock.

Later changes go through switches.py and control.py. Nothing is read from the environment here: the
caller passes everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

PROJECT_ID = "6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10"
KEY_ID = "0e4b7c52-93a1-4d7f-8c2e-5a6b1f3d9e80"
# Published on purpose: it gives access to nothing but this simulator
KEY_SECRET = "simulator-secret-4f9c1d7e2b60a853"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """The facts a simulator starts from. The same settings make the same world.

    Attributes:
        seed: of everything random: numbers, prices, search samples, chaos.
        active: how many numbers the project holds at the start (0 to 1,000,000).
        chaos: share of requests, 0 to 1, that meet a random fault. See faults.py for the profile.
        project_id: the one project; a key belongs to one project.
        key_id: access key id, the Basic user of the token endpoint.
        key_secret: access key secret.
        stock_us_local: how many US LOCAL numbers are for sale; the other kinds are sized in
            stock.py.
        start_at: what the clock shows at the start, aware UTC; None takes the wall clock.
        speed: simulated seconds per real second. 0 freezes the clock: it then moves by `advance`
            alone.
        balance: credit of the account; None never refuses for lack of credit.
        token_lifetime_s: seconds; live replies say 3599 (docs/vendor/numbers-behaviour.md §2).
        switches: values that differ from the defaults in switches.py.
    """

    seed: int = 1
    active: int = 250
    chaos: float = 0.0
    project_id: str = PROJECT_ID
    key_id: str = KEY_ID
    key_secret: str = field(default=KEY_SECRET, repr=False)
    stock_us_local: int = 4_000
    start_at: datetime | None = None
    speed: float = 1.0
    balance: Decimal | None = None
    token_lifetime_s: int = 3599
    switches: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.chaos <= 1:
            raise ValueError(f"chaos is a share of requests between 0 and 1, not {self.chaos}")
        if not 0 <= self.active <= 1_000_000:
            raise ValueError(f"active is a count between 0 and 1,000,000, not {self.active}")
        if self.stock_us_local < 0:
            raise ValueError(f"stock_us_local is a count, not {self.stock_us_local}")
        if self.speed < 0:
            raise ValueError(f"speed is zero or more, not {self.speed}")
        if self.start_at is not None and self.start_at.tzinfo is None:
            raise ValueError("start_at needs a time zone")
