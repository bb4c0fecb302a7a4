"""Parameters of import-numbers, checked as far as that is possible without a request."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from numberflow.models.hosted_numbers import HostedNumbersParameters
from numberflow.models.north_american import is_toll_free
from numberflow.models.parameters import WholeNumber

# A hundred orders of five: one sweep follows them within a minute or two.
NUMBERS_MAX = 500
# The default of every account; the account manager can raise it
# (docs/vendor/imported-hosting-behaviour.md §7).
NUMBERS_PER_ORDER = 5


class ImportNumbersParameters(HostedNumbersParameters):
    """Parameters of import-numbers, checked."""

    continued_by = frozenset({"numbers_per_order"})
    numbers_max = NUMBERS_MAX

    migrate_to_sinch_tmo: bool = False
    numbers_per_order: WholeNumber = Field(default=NUMBERS_PER_ORDER, ge=1, le=NUMBERS_MAX)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.sms.campaign_id is None:
            return self
        for number in self.phone_numbers:
            if is_toll_free(number):
                raise ValueError(
                    f"sms.campaign_id: {number} is toll-free and takes no campaign; import "
                    "toll-free numbers in a run without one"
                )
        return self

    @property
    def by_order(self) -> bool:
        """Whether orders are needed: for several numbers, or the move at T-Mobile (§10)."""
        return len(self.phone_numbers) > 1 or self.migrate_to_sinch_tmo
