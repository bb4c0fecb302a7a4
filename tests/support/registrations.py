"""Registration data and files that the two regulated regions of the simulator accept.

For tests of number orders.
"""

from typing import Any

PDF = ("extract.pdf", b"%PDF-1.7 extract\r\n--not-a-boundary\r\n\x00\xff", "application/pdf")
"""A file whose content looks like the end of a form."""

AU_FILE = "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311"
AU_OPTIONAL_FILE = "0d6c2e94-71b8-4f5a-9c03-b2e85a1f6d47"
DE_ADDRESS_FILE = "c41e7f08-2a9d-4be6-8f70-1d53a6c9e2b4"
DE_IDENTITY_FILE = "e7a05b3c-96d2-4c18-a4ef-08b7d1c65f93"


def au_mobile() -> list[Any]:
    """Complete data for AU MOBILE, in the layout of the published sample."""
    return [
        [
            {
                "senderId": "+61491570156",
                "purposeOfTheTraffic": "One Time Password",
                "intendedUseOfMobileNumbers": "Sign-in codes for customers of the bakery",
                "confirmationOfUse": True,
            }
        ],
        {
            "endBusinessName": "Example Pty",
            "endBusinessAddress": "10 Sample Street",
            "city": "Melbourne",
            "state": "VIC",
            "country": "AU",
            "postalCode": "3000",
        },
        contact(),
    ]


def de_local() -> list[Any]:
    """Complete data for DE LOCAL."""
    return [
        {"customerType": "COMPANY", "name": "Beispiel GmbH"},
        {"street": "Musterstraße", "houseNumber": "1a", "postalCode": "10115", "city": "Berlin"},
        contact(),
    ]


def contact() -> dict[str, str]:
    """The section that both have."""
    return {"firstName": "Ada", "lastName": "Example", "phoneNumber": "+61491570157"}
