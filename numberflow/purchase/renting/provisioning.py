"""Read rented numbers back and wait, within bounds, until their links work.

Not here: asking for a link again (configure-numbers), and anything that costs money.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from numberflow.client import Client
from numberflow.errors import NotFound, OutcomeUnknown, Throttled
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.vendor import ActiveNumber
from numberflow.planning.provisioning import Link, LinkState, sms_link, voice_link
from numberflow.purchase.run_context import RunContext, each_of

# Reads that may be under way at once.
READS_AT_ONCE = 8
# Links take seconds to minutes (docs/vendor/numbers-behaviour.md §6): ask soon at first, then four
# times a minute.
POLL_FIRST_S = 2.0
POLL_LONGEST_S = 15.0


@dataclass(frozen=True)
class NumberStatus:
    """What a read of one rented number shows."""

    phone_number: str
    confirmed: bool
    """activeNumbers has it."""
    sms: Link
    voice: Link

    @property
    def is_settled(self) -> bool:
        """Nothing is left to wait for."""
        return self.confirmed and LinkState.PENDING not in (self.sms.state, self.voice.state)


async def confirm_and_wait(
    context: RunContext,
    phone_numbers: Sequence[str],
    *,
    sms: SmsLink | None,
    voice: VoiceLink | None,
    wait_s: float,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, NumberStatus]:
    """Read each number once; read again those that are not there yet or still being linked.

    Costs: nothing. Repeat: at will. A number that reads do not show yet is looked for over the
    settling time; links are awaited for `wait_s` seconds. What is not ready then is returned as it
    is: pending, not failed.
    """
    statuses: dict[str, NumberStatus] = {}
    waiting = list(phone_numbers)
    waited_s, pause_s = 0.0, POLL_FIRST_S
    while True:
        for status in await each_of(
            waiting, _reader(context.client, sms, voice), at_once=READS_AT_ONCE
        ):
            statuses[status.phone_number] = status
        if progress is not None:
            progress(sum(status.is_settled for status in statuses.values()), len(phone_numbers))
        waiting = [number for number in waiting if not statuses[number].is_settled]
        unseen = any(not statuses[number].confirmed for number in waiting)
        patience_s = max(wait_s, context.settings.settle_s) if unseen else wait_s
        remaining_s = patience_s - waited_s
        if not waiting or remaining_s <= 0:
            return statuses
        pause_s = min(pause_s, remaining_s, POLL_LONGEST_S)
        await context.wait(pause_s)
        waited_s += pause_s
        pause_s *= math.sqrt(2)


def _reader(
    client: Client, sms: SmsLink | None, voice: VoiceLink | None
) -> Callable[[str], Awaitable[NumberStatus]]:
    async def read(phone_number: str) -> NumberStatus:
        number: ActiveNumber | None
        try:
            number = await client.active_numbers.get(phone_number)
        except (NotFound, OutcomeUnknown, Throttled):
            # The number is bought whatever this read says; it is simply not confirmed yet.
            number = None
        if number is None:
            unknown_sms = Link(state=LinkState.PENDING if sms else LinkState.NOT_ASKED)
            unknown_voice = Link(state=LinkState.PENDING if voice else LinkState.NOT_ASKED)
            return NumberStatus(phone_number, confirmed=False, sms=unknown_sms, voice=unknown_voice)
        return NumberStatus(
            phone_number, confirmed=True, sms=sms_link(number, sms), voice=voice_link(number, voice)
        )

    return read
