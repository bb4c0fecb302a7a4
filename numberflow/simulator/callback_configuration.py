"""Callback configuration: the project's signing secret (docs/vendor/numbers-behaviour.md §16)."""

import json
import re

from numberflow.simulator import problems
from numberflow.simulator.operations import Answer, Call, operation
from numberflow.simulator.world import World

_SECRET = re.compile(r"[a-zA-Z0-9-]{32,64}")


def get_callback_configuration(world: World, _call: Call) -> Answer:
    """The secret in clear text; empty text before it is first set (*assumed*, table entry 28)."""
    body = {"projectId": world.project_id, "hmacSecret": world.hmac_secret}
    return Answer(json.dumps(body, separators=(",", ":")).encode())


def update_callback_configuration(world: World, call: Call) -> Answer:
    """Replaces the secret; if absent, it stays."""
    secret = call.json().get("hmacSecret")
    if secret is not None:
        if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
            # The message leaves the value out on purpose: it may be a real secret with a typo.
            raise problems.bad_field(
                "hmac_secret", "hmac_secret takes 32 to 64 letters, digits and hyphens"
            )
        world.hmac_secret = secret
    return Answer(get_callback_configuration(world, call).body, changed=secret is not None)


OPERATIONS = (
    operation(
        "get_callback_configuration", "GET", "callbackConfiguration", get_callback_configuration
    ),
    operation(
        "update_callback_configuration",
        "PATCH",
        "callbackConfiguration",
        update_callback_configuration,
    ),
)
