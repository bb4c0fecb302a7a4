"""Letters of authorization and order bodies for the imported-numbers API.

For tests of hosting orders.
"""

from typing import Any

SIGNER = {"firstName": "Ada", "lastName": "Example", "email": "ada@example.test"}
ADDRESS = {
    "buildingNumber": "10",
    "street": "Sample Road",
    "city": "Springfield",
    "state": "IL",
    "postalCode": "62701",
    "country": "US",
}
DIRECT: dict[str, Any] = {
    "directLoaInfo": {
        "authorisedPerson": SIGNER,
        "address": ADDRESS,
        "currentVoiceCarrier": "Example Telco",
    }
}
RESELLER: dict[str, Any] = {
    "resellerLoaInfo": DIRECT["directLoaInfo"] | {"businessName": "Example Bakery LLC"}
}
BLANKET: dict[str, Any] = {"blanketLoaInfo": {}}


def local_numbers(count: int, first: int = 0) -> list[str]:
    """Made-up local numbers."""
    return [f"+1217555{number:04d}" for number in range(first, first + count)]


def toll_free_numbers(count: int) -> list[str]:
    """Made-up toll-free numbers."""
    return [f"+1833555{number:04d}" for number in range(count)]


def order(numbers: list[str], **more: Any) -> dict[str, Any]:
    """The part that all order bodies share."""
    return {"regionCode": "US", "numbers": numbers, "servicePlanId": "plan-0001"} | more
