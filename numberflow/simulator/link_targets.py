"""What the project has in the five products that numbers link to (link-targets.md).

What becomes of a link is decided by linking.py and its scripts, not here: the Numbers API takes
any id. Operations: link_target_lookups.py.
"""

import random
from dataclasses import dataclass

from numberflow.simulator.ids import ulid_like

SMS, CAMPAIGN, VOICE, TRUNK, FAX = PRODUCTS = ("sms", "campaign", "voice", "trunk", "fax")


@dataclass(frozen=True, slots=True)
class Target:
    """One app, campaign, service or trunk; `other_id` is an SMS app's `smsServiceId`."""

    id: str
    name: str
    status: str = "ACTIVE"
    other_id: str = ""


class LinkTargets:
    """What the project has in each product. The same seed makes the same."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"link-targets-{seed}")
        self._all: dict[str, dict[str, Target]] = {product: {} for product in PRODUCTS}
        for name, status in (("support", "ACTIVE"), ("alerts", "ACTIVE"), ("old", "BLOCKED")):
            self.put(SMS, Target(ulid_like(rng), name, status, ulid_like(rng)))
        for status in ("ACTIVE", "APPROVED", "SINCH_REVIEW", "EXPIRED"):
            code = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=6))
            self.put(CAMPAIGN, Target(f"C{code}", status.lower(), status))
        for product in (VOICE, TRUNK, FAX):
            for name in ("main", "second"):
                self.put(product, Target(ulid_like(rng), name))

    def put(self, product: str, target: Target) -> None:
        """Adds a target, or replaces the one with its id."""
        self._all[product][target.id] = target

    def remove(self, product: str, target_id: str) -> bool:
        """Takes one away. False when it was not there."""
        return self._all[product].pop(target_id, None) is not None

    def find(self, product: str, target_id: str) -> Target | None:
        """The one with this id."""
        return self._all[product].get(target_id)

    def of(self, product: str) -> list[Target]:
        """Everything in one product, in the order in which it came."""
        return list(self._all[product].values())

    def as_dict(self) -> dict[str, list[dict[str, str]]]:
        """All of it, for the control port. No secret is in it."""
        return {
            product: [
                {"id": each.id, "name": each.name, "status": each.status, "other_id": each.other_id}
                for each in targets.values()
            ]
            for product, targets in self._all.items()
        }
