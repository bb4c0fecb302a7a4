"""Runs over numbers that live elsewhere, at library level and in-process.

What a fault matrix and the stories play on.

Not here: who dies when (dying.py), which faults there are (mishaps.py), and what is claimed (the
tests).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from pydantic import Secret, SecretStr
from support.dying import Fate, is_death
from support.letters import DIRECT, SIGNER
from support.shop import Shop

from numberflow.journal import Intention, OrderKind
from numberflow.models.hosting import BlanketLoa
from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.north_american import is_toll_free
from numberflow.models.parameters import check_parameters
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.reports import FollowLine, NumbersReport
from numberflow.models.text_enable_numbers import TextEnableParameters
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.held import configure as configuring
from numberflow.purchase.held import release as releasing
from numberflow.purchase.held.link_follow import follow_link
from numberflow.purchase.held.release_follow import follow_release
from numberflow.purchase.hosting import import_numbers as imports
from numberflow.purchase.hosting import qualify as qualifying
from numberflow.purchase.hosting import text_enable as enabling
from numberflow.purchase.hosting.follow import follow_hosting
from numberflow.purchase.hosting.letter import read_letter
from numberflow.purchase.hosting.qualification_follow import follow_qualification
from numberflow.purchase.hosting.qualify import Next, VoiceTurn
from numberflow.purchase.run_context import RunContext, new_purchase, open_purchase

PLAN, CAMPAIGN = "plan-hosting", "campaign-hosting"
REFERENCE = "HOST-1"


def numbers(count: int, area: str = "212") -> list[str]:
    """So many US local numbers that nobody has."""
    return [f"+1{area}555{index:04d}" for index in range(1, count + 1)]


def signer(mark: str = "ada") -> dict[str, Any]:
    """What a paper with a direct letter holds."""
    return {
        **DIRECT["directLoaInfo"],
        "authorisedPerson": SIGNER | {"email": f"{mark}@example.test"},
    }


def text_enabling(phone_numbers: list[str], **parameters: Any) -> Any:
    """Checked parameters of text-enable-numbers."""
    sms = {
        "service_plan_id": PLAN,
        "campaign_id": "" if is_toll_free(phone_numbers[0]) else CAMPAIGN,
    }
    return check_parameters(
        TextEnableParameters,
        {"phone_numbers": phone_numbers, "sms": sms, "loa": "/run/loa.json"} | parameters,
    )


def qualifying_order(phone_numbers: list[str], **parameters: Any) -> Any:
    """Checked parameters of qualify-numbers."""
    return check_parameters(QualifyParameters, {"phone_numbers": phone_numbers} | parameters)


def importing(phone_numbers: list[str], **parameters: Any) -> Any:
    """Checked parameters of import-numbers."""
    sms = {"service_plan_id": PLAN, "campaign_id": CAMPAIGN}
    return check_parameters(
        ImportNumbersParameters, {"phone_numbers": phone_numbers, "sms": sms} | parameters
    )


class HostingShop(Shop):
    """A shop whose runs are about numbers that live elsewhere."""

    def __init__(self, folder: Path, **simulator: Any) -> None:
        super().__init__(folder, active=0, **simulator)

    async def script(self, action: str, **fields: Any) -> Any:
        """Let people at the vendor, or signers, do something (docs/simulator.md, "Scripts").

        The reply.
        """
        transport = httpx.ASGITransport(self.simulator.control_app)
        async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as http:
            reply = await http.post("/script", json={"action": action} | fields)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def import_numbers(
        self, order: Any, reference: str = REFERENCE, fate: Fate | None = None
    ) -> Any:
        """One run of import-numbers: its report and rows; None when it died."""

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            result = await imports.import_numbers(context, order, reference)
            return await imports.import_report(context, order, reference, result), tuple(
                result.rows
            )

        return await self.mortal(work, fate)

    async def text_enable(
        self, order: Any, reference: str = REFERENCE, fate: Fate | None = None, mark: str = "ada"
    ) -> Any:
        """One run of text-enable-numbers with a confirmed signer: its report and rows.

        None when it died.
        """

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            letter = read_letter(order.loa_kind, Secret(signer(mark)))
            purchase, _ = await enabling.open_text_enabling(context, order, reference)
            if not isinstance(letter, BlanketLoa) and not enabling.is_confirmed(
                context, purchase, letter
            ):
                await enabling.confirm_signer(context, purchase, letter, by="Ada")
            rows = await enabling.text_enable(context, order, reference, letter)
            return await enabling.text_enable_report(context, order, reference, rows), tuple(rows)

        return await self.mortal(work, fate)

    async def qualify(
        self, order: Any, reference: str = REFERENCE, fate: Fate | None = None
    ) -> Any:
        """One run of qualify-numbers by invoices, or the part of it before the first call.

        Its report and rows; None when it died.
        """

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            purchase, rows = await qualifying.add_numbers(context, order, reference)
            rows += await qualifying.voice_rows(context, purchase)
            return await qualifying.qualify_report(context, order, reference, rows), tuple(rows)

        return await self.mortal(work, fate)

    async def call(self, order: Any, reference: str = REFERENCE, fate: Fate | None = None) -> Any:
        """One run of qualify-numbers by voice up to the first form: its report and rows.

        None when it died.
        """

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            purchase, rows = await qualifying.add_numbers(context, order, reference)
            await qualifying.wait_for_checks(context, order)
            turn = await qualifying.voice_turn(context, purchase, order.phone_numbers[0])
            if turn.next is Next.CALL:
                await qualifying.place_call(context, purchase, turn)
            rows += await qualifying.voice_rows(context, purchase)
            return await qualifying.qualify_report(context, order, reference, rows), tuple(rows)

        return await self.mortal(work, fate)

    async def answer(self, order: Any, text: str, reference: str = REFERENCE) -> VoiceTurn:
        """A person answers the form of the first number: a code, or "call".

        How the number stands then.
        """
        async with self.context() as context:
            new = new_purchase(context, order, reference, qualifying.OPERATION)
            purchase = await open_purchase(context, new)
            turn = await qualifying.voice_turn(context, purchase, order.phone_numbers[0])
            if text == "call":
                await qualifying.place_call(context, purchase, turn)
            elif text:
                await qualifying.hand_in_code(context, purchase, turn, SecretStr(text))
            return await qualifying.voice_turn(context, purchase, order.phone_numbers[0])

    async def configure(
        self, order: Any, reference: str = "CONF-1", fate: Fate | None = None
    ) -> Any:
        """One run of configure-numbers: its report and rows; None when it died."""

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            rows = await configuring.configure(context, order, reference)
            return await configuring.configure_report(context, order, reference, rows), tuple(rows)

        return await self.mortal(work, fate)

    async def release_all(
        self, order: Any, reference: str = "REL-1", fate: Fate | None = None
    ) -> Any:
        """One run of release-numbers: its report and rows; None when it died."""

        async def work(context: RunContext) -> tuple[NumbersReport, tuple[Intention, ...]]:
            rows = await releasing.release(context, order, reference)
            return await releasing.release_report(context, order, reference, rows), tuple(rows)

        return await self.mortal(work, fate)

    async def imported_at_once(
        self, phone_numbers: list[str], plan: str = PLAN, campaign: str = CAMPAIGN
    ) -> None:
        """Have the numbers imported and linked, as if it had been done long ago."""
        order = importing(
            phone_numbers,
            sms={"service_plan_id": plan, "campaign_id": campaign},
            numbers_per_order=5,
        )
        await self.import_numbers(order, "LONG-AGO")
        await self.wait(7200)

    async def sweep(self, project: str | None = None) -> list[FollowLine]:
        """One run of the sweep over orders of this API, with the account of that credentials block.

        Its lines.
        """
        async with self.context() as context:
            context.project = project
            return await follow_orders(
                context,
                {
                    OrderKind.HOSTING: follow_hosting,
                    OrderKind.QUALIFICATION: follow_qualification,
                    OrderKind.LINK: follow_link,
                    OrderKind.RELEASE: follow_release,
                },
            )

    async def qualify_at_once(self, phone_numbers: list[str]) -> None:
        """Have the numbers qualified, as if it had been done long ago."""
        async with self.context() as context:
            for begin in range(0, len(phone_numbers), 500):
                await context.client.qualified_numbers.add(phone_numbers[begin : begin + 500])
        self.unwritten.clear()
        await self.wait(60)
        await self.script("invoices", phone_numbers=phone_numbers, delay_s=0)
        await self.wait(1)

    async def mortal(self, work: Any, fate: Fate | None = None) -> Any:
        """What `work` at a desk returns; None when it died."""
        try:
            async with self.context(fate) as context:
                return await work(context)
        except BaseException as error:
            self._expect_death(error)
            assert is_death(error)
            return None

    def in_orders(self) -> Counter[str]:
        """In how many hosting orders each number is, by the vendor's own books."""
        return Counter(
            number for order in self.simulator.hosting_orders() for number in order["numbers"]
        )

    def entered(self, kind: str) -> Counter[str]:
        """How often each number is in the ledger for a cause (import, hosting, voice_challenge)."""
        return Counter(
            charge["phone_number"] for charge in self.simulator.charges() if charge["kind"] == kind
        )

    def doubled(self) -> list[str]:
        """Numbers that are in two orders, or were imported twice."""
        return [
            *(f"{number} is in {n} orders" for number, n in self.in_orders().items() if n > 1),
            *(
                f"{number} was imported {n} times"
                for number, n in self.entered("import").items()
                if n > 1
            ),
        ]
