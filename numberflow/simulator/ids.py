"""Identifiers in the form of the vendor's samples."""

import random

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of ULIDs, lower case as in the vendor's samples."""


def ulid_like(rng: random.Random) -> str:
    """26 lower-case characters: event ids, number orders, hosting orders."""
    return "01" + "".join(rng.choices(_ALPHABET, k=24))
