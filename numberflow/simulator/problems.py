"""The vendor's refusals, one constructor each, in the vendor's envelope.

docs/vendor/numbers-behaviour.md §15. The code that raises these decides which situation is refused;
only this module decides how it looks on the wire.
"""

import json
from collections.abc import Iterable
from typing import Any


class Problem(Exception):
    """A refusal in the vendor's words: HTTP status, JSON body, extra headers."""

    def __init__(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, body, headers)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def content(self) -> bytes:
        """The body as bytes."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def shaped(problem: Problem, shape: str) -> Problem:
    """The refusal in one of the shapes that were seen (README, correction 15).

    One in the shape of RFC 6749 keeps it.
    """
    error = problem.body["error"]
    if shape == "nested" or not isinstance(error, dict):
        return problem
    message = error["message"] or error["status"].replace("_", " ").capitalize()
    if shape == "without_status":
        body: dict[str, Any] = {"error": {"code": error["code"], "message": message}}
    else:
        body = {"code": str(error["code"]), "error": error["status"], "message": message}
    return Problem(problem.status, body, problem.headers)


def envelope(
    code: int, status: str, message: str = "", details: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The error object of every API reply; `details` is always present, often empty."""
    return {"error": {"code": code, "message": message, "status": status, "details": details or []}}


def resource_info(resource_type: str, name: str = "", description: str = "") -> dict[str, str]:
    """The detail that says what the refusal is about."""
    return {
        "type": "ResourceInfo",
        "resourceType": resource_type,
        "resourceName": name,
        "owner": "",
        "description": description,
    }


def bad_value(field: str, value: str) -> Problem:
    """An enum or number in the request that the vendor cannot parse; the text is documented."""
    return Problem(
        400,
        envelope(
            400, "INVALID_ARGUMENT", f'parsing field "{field}": "{value}" is not a valid value'
        ),
    )


def bad_field(field: str, description: str, status: str = "INVALID_ARGUMENT") -> Problem:
    """A field violation. `field` is a snake_case path."""
    violation = {
        "type": "BadRequest",
        "fieldViolations": [{"field": field, "description": description}],
    }
    return Problem(400, envelope(400, status, "", [violation]))


def bad_fields(violations: Iterable[tuple[str, str]]) -> Problem:
    """Several field violations at once: field and description of each."""
    listed = [{"field": field, "description": description} for field, description in violations]
    return Problem(
        400,
        envelope(400, "INVALID_ARGUMENT", "", [{"type": "BadRequest", "fieldViolations": listed}]),
    )


def bad_json() -> Problem:
    """A body that is not a JSON object. *Assumed*: no source shows one."""
    return Problem(400, envelope(400, "INVALID_ARGUMENT", "invalid JSON in request body"))


def insufficient_balance(*, payment_required: bool) -> Problem:
    """Not enough credit to rent. *Assumed*: status and text are published nowhere (§5)."""
    code = 402 if payment_required else 400
    return Problem(code, envelope(code, "FAILED_PRECONDITION", "Insufficient balance"))


def unauthenticated(*, expired: bool, scheme: str = "Bearer") -> Problem:
    """Missing, malformed or expired credentials.

    SDKs renew their token only when the challenge says *expired* (§2).
    """
    reason = "The access token expired" if expired else "The credentials are not valid"
    challenge = f'{scheme} realm="sinch", error="invalid_token", error_description="{reason}"'
    return Problem(401, envelope(401, "UNAUTHENTICATED"), {"www-authenticate": challenge})


def permission_denied(message: str = "") -> Problem:
    """The credentials do not fit the project or the action; the documented message is empty."""
    return Problem(403, envelope(403, "PERMISSION_DENIED", message))


def trial_account() -> Problem:
    """A trial account tries to rent."""
    text = "Trial account is not enabled to rent number"
    return Problem(
        403, envelope(403, "PERMISSION_DENIED", text, [resource_info("AvailableNumber", "", text)])
    )


def available_number_not_found(phone_number: str) -> Problem:
    """Not for sale: unknown, held by somebody, or reserved.

    The name is empty when nothing matched a rentAny.
    """
    return Problem(
        404, envelope(404, "NOT_FOUND", "", [resource_info("AvailableNumber", phone_number)])
    )


def active_number_not_found(phone_number: str) -> Problem:
    """The project does not hold this number."""
    return Problem(
        404, envelope(404, "NOT_FOUND", "", [resource_info("ActiveNumber", phone_number)])
    )


def link_target_not_found(resource_type: str, name: str) -> Problem:
    """No such app, campaign, service or trunk. *Assumed*: the envelope is the Numbers API's."""
    return Problem(404, envelope(404, "NOT_FOUND", "", [resource_info(resource_type, name)]))


def requirements_not_found() -> Problem:
    """No registration is needed for this kind, or it is not sold; recorded for the US."""
    text = "Number requirements not found"
    return Problem(
        404,
        envelope(
            404, "NOT_FOUND", text, [resource_info("NumberProduct", "numberRequirements", text)]
        ),
    )


def number_order_not_found(order_id: str) -> Problem:
    """The project has no such order. The resource type is *assumed*."""
    return Problem(404, envelope(404, "NOT_FOUND", "", [resource_info("NumberOrder", order_id)]))


def attachment_not_found(attachment_id: str) -> Problem:
    """The requirements of this order name no such file. *Assumed*."""
    return Problem(
        404, envelope(404, "NOT_FOUND", "", [resource_info("Attachment", attachment_id)])
    )


def content_too_large(description: str) -> Problem:
    """A file beyond a limit that no source states."""
    detail = {"type": "ResourceInfo", "resourceName": "file", "description": description}
    return Problem(413, envelope(413, "CONTENT_TOO_LARGE", "", [detail]))


def missing_e911_feature() -> Problem:
    """The number cannot have an emergency address; the text is recorded."""
    text = "Missing E911 feature"
    return Problem(
        404, envelope(404, "NOT_FOUND", text, [resource_info("EmergencyAddress", "", text)])
    )


def emergency_address_not_found() -> Problem:
    """The number could have an emergency address but has none. *Assumed*: the message is empty."""
    return Problem(404, envelope(404, "NOT_FOUND", "", [resource_info("EmergencyAddress")]))


def callback_project_not_found(project_id: str) -> Problem:
    """The project of a callback configuration is unknown (SDK mocks)."""
    text = f"Could not find project with ID: {project_id}"
    return Problem(404, envelope(404, "NOT_FOUND", text, [resource_info("CallbackConfiguration")]))


def route_not_found() -> Problem:
    """No such path and verb."""
    return Problem(404, envelope(404, "NOT_FOUND", "Not Found"))


def job_running() -> Problem:
    """A change while a link job runs, if the switch asks for a 409. *Assumed*."""
    return Problem(409, envelope(409, "ABORTED", "a provisioning job is running"))


def too_many_requests(retry_after: str | None = None, *, bare: bool = False) -> Problem:
    """Rate limit. *Assumed* body, `bare` as in correction 15 of the README.

    Retry-After may be absent.
    """
    headers = {} if retry_after is None else {"retry-after": retry_after}
    if bare:
        return Problem(429, {"error": {"code": 429, "message": "Over limit"}}, headers)
    return Problem(429, envelope(429, "RESOURCE_EXHAUSTED"), headers)


def server_fault(code: int) -> Problem:
    """A 5xx with the envelope."""
    status = {500: "INTERNAL", 502: "UNKNOWN", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}.get(
        code, "INTERNAL"
    )
    return Problem(code, envelope(code, status))


def token_refused(code: int, error: str, description: str) -> Problem:
    """A refusal of the token endpoint in the shape of RFC 6749. *Assumed*."""
    headers = {"www-authenticate": 'Basic realm="sinch"'} if code == 401 else {}
    return Problem(code, {"error": error, "error_description": description}, headers)
