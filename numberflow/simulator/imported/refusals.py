"""The refusals of the imported-numbers API, and the two envelopes they come in (§8).

Refusals are built in the nested shape like all others; `shaped` turns them into the flat one where
that is documented.
"""

from typing import Any

from numberflow.simulator.problems import Problem, envelope
from numberflow.simulator.switches import Switches

_NESTED_STATUSES = (401, 403, 429)
"""Raised before an operation is reached; their envelope is nested everywhere (*assumed*, §8)."""
_MESSAGES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too many requests",
    500: "Internal server error.",
}


def invalid(field: str, message: str, description: str = "") -> Problem:
    """400 INVALID_ARGUMENT. `field` is the path in the request, as in the vendor's sample."""
    violation = {"field": field, "description": description or message}
    details = [{"type": "BadRequest", "fieldViolations": [violation]}]
    return Problem(400, envelope(400, "INVALID_ARGUMENT", message, details))


def invalid_plan(service_plan_id: str, field: str) -> Problem:
    """The service plan is unknown; the text is the vendor's sample."""
    return invalid(field, f"Invalid service_plan_id {service_plan_id}", "Invalid servicePlanId")


def precondition(message: str) -> Problem:
    """400 FAILED_PRECONDITION: the present state does not allow it (*assumed*)."""
    return Problem(400, envelope(400, "FAILED_PRECONDITION", message))


def not_found(what: str) -> Problem:
    """404 for an imported number, a qualified number or a hosting order."""
    return Problem(404, envelope(404, "NOT_FOUND", f"The {what} could not be found."))


def already_exists() -> Problem:
    """409: the number is imported, or an open order is importing it."""
    return Problem(409, envelope(409, "ALREADY_EXISTS", "The imported number already exists."))


def shaped(problem: Problem, operation: str, switches: Switches) -> Problem:
    """The refusal in the documented envelope of the operation."""
    error: dict[str, Any] = problem.body["error"]
    message = error["message"] or _MESSAGES.get(problem.status, "")
    nested = switches.imported_all_nested or operation.endswith("callback_configuration")
    if nested or problem.status in _NESTED_STATUSES:
        return Problem(problem.status, {"error": error | {"message": message}}, problem.headers)
    flat = {"code": str(error["code"]), "message": message, "status": error["status"]}
    if error["details"]:
        flat["details"] = error["details"]
    return Problem(problem.status, flat, problem.headers)
