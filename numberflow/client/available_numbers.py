"""Available numbers: stock, prices, and renting from it.

Vendor noun: availableNumbers (docs/vendor/numbers-behaviour.md §4, §5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Required, TypedDict, Unpack

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.protocol import Request, json_body, list_reader, pairs, project_path
from numberflow.client.transport import Watch
from numberflow.models.vendor import ActiveNumber, AvailableNumber, RentAnyRequest, RentRequest


class AvailableNumbersQuery(TypedDict, total=False):
    """What a search takes; `AvailableNumbers.search` says what each means."""

    region_code: Required[str]
    number_type: Required[str]
    pattern: str | None
    search_pattern: str | None
    capabilities: Iterable[str]
    size: int | None


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
    """One page of stock.

    The names on the wire are `capabilities`, in the plural, and `size` here
    (docs/vendor/numbers-behaviour.md §1, item 8).
    """
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    return Request(
        "GET",
        "numbers",
        project_path(project_id, "availableNumbers"),
        list_reader(AvailableNumber, "availableNumbers"),
        query=pairs(
            ("regionCode", inputs.region_code(region_code)),
            ("type", inputs.constant(number_type, "number_type")),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("capabilities", inputs.constants(capabilities, "capabilities")),
            ("size", inputs.count(size, "size")),
        ),
    )


def build_get(project_id: str, phone_number: str) -> Request[AvailableNumber]:
    """Read whether this number is in stock, and at what price."""
    path = project_path(project_id, "availableNumbers", inputs.phone_number(phone_number))
    read = AvailableNumber.model_validate
    return Request("GET", "numbers", path, read, phone_number=phone_number)


def build_rent(project_id: str, phone_number: str, request: RentRequest) -> Request[ActiveNumber]:
    """Rent one named number. Costly."""
    return Request(
        "POST",
        "numbers",
        f"{build_get(project_id, phone_number).path}:rent",
        ActiveNumber.model_validate,
        body=json_body(request.to_wire()),
        costly=True,
        phone_number=phone_number,
    )


def build_rent_any(project_id: str, request: RentAnyRequest) -> Request[ActiveNumber]:
    """Rent the first match. Costly, and a lost reply names no number."""
    path = f"{project_path(project_id, 'availableNumbers')}:rentAny"
    body = json_body(request.to_wire())
    return Request("POST", "numbers", path, ActiveNumber.model_validate, body=body, costly=True)


class AvailableNumbers(Noun):
    """`client.available_numbers`."""

    async def search(self, **query: Unpack[AvailableNumbersQuery]) -> tuple[AvailableNumber, ...]:
        """Numbers in stock; () when there are none.

        One page, in no stable order. Nothing is reserved.

        Args:
            **query: the first two are required

                - region_code: ISO 3166-1 alpha-2, like US;
                - number_type: MOBILE, LOCAL or TOLL_FREE;
                - pattern: compared with the whole E.164 text;
                - search_pattern: START (the pattern then begins with + and country code), CONTAINS
                  or END. The default is START for a pattern with a plus, else CONTAINS;
                - capabilities: the number must have all of these, and may have more;
                - size: most numbers to return; the vendor's default is not documented.

        Raises:
            BadInput: a value that the vendor would refuse, or answer with nothing.
        """
        return await self._send(build_search(self._project, **query))

    async def get(self, phone_number: str) -> AvailableNumber:
        """The number with its prices, if it is in stock now.

        Raises:
            NotFound: not in stock. Evidence only if `resource_type` is AvailableNumber: a gateway's
                own 404 has none.
        """
        return await self._send(build_get(self._project, phone_number))

    async def rent(
        self, phone_number: str, request: RentRequest | None = None, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Rent this number. Costs its fees from the moment the vendor accepts.

        Links continue in the background.

        Repeat: never without looking first. Sent once, whatever happens. US LOCAL only in the
        newest documentation.

        Raises:
            NotFound: somebody else has it.
            InsufficientFunds, PermissionRefused, Rejected, Throttled, NotSent: not rented.
            OutcomeUnknown: perhaps rented; look at active_numbers.get and available_numbers.get.
        """
        wanted = request if request is not None else RentRequest()
        return await self._send(build_rent(self._project, phone_number, wanted), watch)

    async def rent_any(
        self, request: RentAnyRequest, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Rent the first match. Costs as `rent` does.

        Prefer search and rent: after a lost reply nobody knows which number to look for.

        Repeat: never without comparing the held numbers before and after. Errors as in `rent`.
        """
        return await self._send(build_rent_any(self._project, request), watch)
