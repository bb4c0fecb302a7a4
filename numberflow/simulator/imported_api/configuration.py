"""The callback configuration of the imported-numbers API, with its own signing secret (§12)."""

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.wire import as_json
from numberflow.simulator.operations import Answer, Call, operation
from numberflow.simulator.world import World


def get_imported_callback_configuration(world: World, _call: Call) -> Answer:
    """The secret in clear text; empty text before it is first set (*assumed*)."""
    return Answer(
        as_json({"projectId": world.project_id, "hmacSecret": world.imported.hmac_secret})
    )


def update_imported_callback_configuration(world: World, call: Call) -> Answer:
    """Replaces the secret; if absent, it stays.

    No rule for secrets is published here beyond not being empty.
    """
    secret = call.json().get("hmacSecret")
    if secret is not None:
        if not isinstance(secret, str) or not secret:
            # The message leaves the value out on purpose: it may be a real secret with a typo.
            raise refusals.invalid("hmacSecret", "hmacSecret is not valid", "must not be empty")
        world.imported.hmac_secret = secret
    return Answer(get_imported_callback_configuration(world, call).body, changed=secret is not None)


OPERATIONS = (
    operation(
        "get_imported_callback_configuration",
        "GET",
        "callbackConfiguration",
        get_imported_callback_configuration,
    ),
    operation(
        "update_imported_callback_configuration",
        "PATCH",
        "callbackConfiguration",
        update_imported_callback_configuration,
    ),
)
