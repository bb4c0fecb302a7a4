"""The block type Sinch Credentials, so that a person can make such a block in the UI."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from deployments.step import Difference, Found, Step
from tasks.credentials import SinchCredentials

_SLUG = SinchCredentials.get_block_type_slug()
_NAME = "Sinch Credentials"


def block_type() -> Step:
    """The step: the type is registered, and its form has every field of ours."""

    async def look() -> Found:
        async with get_client() as client:
            try:
                kind = await client.read_block_type_by_slug(_SLUG)
            except ObjectNotFound:
                return Found(text="not registered", differences=(Difference("missing", _NAME),))
            schema = await client.get_most_recent_block_schema_for_block_type(kind.id)
        fields = set(schema.fields.get("properties", ())) if schema else set()
        lacking = sorted(set(SinchCredentials.model_fields) - fields)
        if lacking:
            changed = Difference("changed", f"{_NAME} (without {', '.join(lacking)})")
            return Found(text="of another version", differences=(changed,))
        return Found(text=f"{_NAME}, registered")

    async def apply() -> None:
        try:
            await SinchCredentials.aregister_type_and_schema()
        except ObjectAlreadyExists:
            return  # somebody else has just made it; the next look says what is missing

    return Step("block type", look, apply)
