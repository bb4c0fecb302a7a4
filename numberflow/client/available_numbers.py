"""Available numbers: stock, prices, and renting from it.

Vendor noun: availableNumbers (docs/vendor/numbers-behaviour.md §4, §5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from numberflow.client import inputs
from numberflow.client.protocol import (
    JSON,
    Request,
    json_body,
    listed,
    pairs,
    project_path,
    segment,
)
from numberflow.client.transport import Transport, Watch
from numberflow.models.vendor import ActiveNumber, AvailableNumber, RentAnyRequest, RentRequest

_NUMBERS = TypeAdapter(tuple[AvailableNumber, ...])


def build_search(
    project_id: str,
    *,
    region_code: str,
    number_type: str,
    pattern: str | None = None,
    search_pattern: str | None = None,
    capabilities: Iterable[str] = (),
    size: int | None = None,
) -> Request[tuple[AvailableNumber, ...]]:
    """One page of stock. The names on the wire are the plural `capabilities` and `size` here (docs/vendor/numbers-behaviour.md §1, item 8)."""
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    return Request(
        method="GET",
        base="numbers",
        path=project_path(project_id, "availableNumbers"),
        query=pairs(
            ("regionCode", inputs.region_code(region_code)),
            ("type", inputs.constant(number_type, "number_type")),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("capabilities", inputs.constants(capabilities, "capabilities")),
            ("size", inputs.count(size, "size")),
        ),
        read=read_available_numbers,
    )


def build_get(project_id: str, phone_number: str) -> Request[AvailableNumber]:
    """Is this number in stock, and at what price?"""
    return Request(
        method="GET",
        base="numbers",
        path=project_path(
            project_id, f"availableNumbers/{segment(inputs.phone_number(phone_number))}"
        ),
        read=AvailableNumber.model_validate,
        phone_number=phone_number,
    )


def build_rent(project_id: str, phone_number: str, request: RentRequest) -> Request[ActiveNumber]:
    """Rent one given number. Costly."""
    return Request(
        method="POST",
        base="numbers",
        path=project_path(
            project_id, f"availableNumbers/{segment(inputs.phone_number(phone_number))}:rent"
        ),
        headers=JSON,
        body=json_body(request.to_wire()),
        read=ActiveNumber.model_validate,
        costly=True,
        phone_number=phone_number,
    )


def build_rent_any(project_id: str, request: RentAnyRequest) -> Request[ActiveNumber]:
    """Rent the first match. Costly, and a lost reply names no number."""
    return Request(
        method="POST",
        base="numbers",
        path=project_path(project_id, "availableNumbers:rentAny"),
        headers=JSON,
        body=json_body(request.to_wire()),
        read=ActiveNumber.model_validate,
        costly=True,
    )


def read_available_numbers(value: Any) -> tuple[AvailableNumber, ...]:
    """Read the reply of a search. ValueError when it is not one."""
    return _NUMBERS.validate_python(listed(value, "availableNumbers"))


class AvailableNumbers:
    """`client.available_numbers`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def search(
        self,
        *,
        region_code: str,
        number_type: str,
        pattern: str | None = None,
        search_pattern: str | None = None,
        capabilities: Iterable[str] = (),
        size: int | None = None,
    ) -> tuple[AvailableNumber, ...]:
        """Numbers in stock; () when there are none.

        One page, in no stable order, and nothing is reserved.

        Args:
            region_code: ISO 3166-1 alpha-2, like US.
            number_type: MOBILE, LOCAL or TOLL_FREE.
            pattern: compared with the whole E.164 text.
            search_pattern: START (the pattern then begins with + and country code), CONTAINS or
                END; START for a pattern with a plus when left out, else CONTAINS.
            capabilities: all of these must be there; a number may have more.
            size: most numbers to return; the vendor's default is not documented.

        Raises:
            BadInput: a value that the vendor would refuse, or answer with nothing.
        """
        return await self._transport.send(
            build_search(
                self._project_id,
                region_code=region_code,
                number_type=number_type,
                pattern=pattern,
                search_pattern=search_pattern,
                capabilities=capabilities,
                size=size,
            )
        )

    async def get(self, phone_number: str) -> AvailableNumber:
        """The number with its prices, if it is in stock now.

        Raises:
            NotFound: not in stock. Evidence only if `resource_type` is AvailableNumber: a gateway's
                own 404 has none.
        """
        return await self._transport.send(build_get(self._project_id, phone_number))

    async def rent(
        self, phone_number: str, request: RentRequest | None = None, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Rent this number. Costs its fees from the moment the vendor accepts.

        Links go on in the background.

        Repeat: never without looking first. Leaves once whatever happens. US LOCAL only in the
        newest documentation.

        Raises:
            NotFound: somebody else has it.
            InsufficientFunds, PermissionRefused, Rejected, Throttled, NotSent: not rented.
            OutcomeUnknown: perhaps rented; look at active_numbers.get and available_numbers.get.
        """
        wanted = request if request is not None else RentRequest()
        return await self._transport.send(
            build_rent(self._project_id, phone_number, wanted), watch=watch
        )

    async def rent_any(
        self, request: RentAnyRequest, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Rent the first match. Costs as `rent` does.

        Prefer search and rent: after a lost reply nobody knows which number to look for.

        Repeat: never without comparing the held numbers before and after. Errors as in `rent`.
        """
        return await self._transport.send(build_rent_any(self._project_id, request), watch=watch)
