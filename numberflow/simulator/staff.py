"""People whom a client never sees: the vendor's reviewers and back office, by script.

One function per action. Each takes the simulator and the JSON of the request from the control port,
and returns the value of the reply. The rules that they apply are in orders.py and emergency.py;
those of the imported-numbers API are in imported/. Bad input raises control_input.BadInput or
ValueError, a missing thing KeyError.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from numberflow.simulator import control_input as given
from numberflow.simulator.backend import Backend
from numberflow.simulator.callbacks import Habit
from numberflow.simulator.imported.steps import FAILURE_CODES, STEPS, UNLINK, Failure
from numberflow.simulator.order import BLOCKED, CREATED, IN_REVIEW, OUTCOMES, Review
from numberflow.simulator.problems import Problem


def review(sim: Backend, body: dict[str, Any]) -> Any:
    """Script the result of reviews: at once for an order in review.

    For an order that is not in review yet, or for all orders, at the next submissions.
    """
    outcome = given.choice(body, "outcome", (*OUTCOMES, "PENDING"))
    only = body.get("only")
    if only is not None and (isinstance(only, bool) or not isinstance(only, int) or only < 1):
        raise given.BadInput(f"only: takes a whole number of one or more, not {only!r}")
    orders = sim.world.orders
    order_id = given.text(body, "order_id") if "order_id" in body else None
    order = None
    if order_id is not None:
        try:
            order = orders.get(order_id)
        except Problem:
            raise KeyError(f"no order {order_id}") from None
    state = None if order is None else order.state(sim.world.settle())
    if state not in (None, CREATED, IN_REVIEW, BLOCKED):
        raise given.BadInput(f"order_id: the order is {state}, nothing can become of it")
    at_once = state == IN_REVIEW
    # An order in review is decided now; a script for later ones takes the usual time.
    after_s = given.number(body, "delay_s", 0 if at_once else sim.switches.review_s)
    coming = Review(
        None if outcome == "PENDING" else outcome, after_s, given.texts(body, "logs"), only
    )
    if order is not None and at_once:
        orders.review(order, coming)
        return {"order_id": order_id, "state": order.state(sim.world.settle())}
    orders.scripts.append((order_id, coming, given.times(body, None if order_id is None else 1)))
    return {"order_id": order_id, "scripted": outcome}


def upload(sim: Backend, body: dict[str, Any]) -> Any:
    """Script the result of later uploads."""
    outcome = given.choice(body, "outcome", ("COMPLETED", "FAILED"))
    subject = given.text(body, "attachment_id") if "attachment_id" in body else None
    sim.world.orders.upload_scripts.append(
        (subject, outcome == "FAILED", given.number(body, "delay_s", 0), given.times(body, 1))
    )
    return {"attachment_id": subject, "scripted": outcome}


def emergency_feature(sim: Backend, body: dict[str, Any]) -> Any:
    """Set which numbers may have an emergency address: one, or all that are held now."""
    value = given.truth(body, "value", default=True)
    held = sim.world.holdings
    chosen = (
        [given.text(body, "phone_number")]
        if "phone_number" in body
        else [one.phone_number for one in held]
    )
    for phone_number in chosen:
        if held.get(phone_number) is None:
            raise KeyError(f"{phone_number} is not held")
        sim.world.emergency.allow(phone_number, value=value)
    return {"changed": len(chosen)}


def invoices(sim: Backend, body: dict[str, Any]) -> Any:
    """Invoices for numbers have arrived.

    They are accepted or refused after the usual business days or `delay_s`.
    """
    accepted = given.choice(body, "outcome", ("ACCEPTED", "REFUSED"), "ACCEPTED") == "ACCEPTED"
    after_s = given.number(body, "delay_s") if "delay_s" in body else None
    qualified = sim.world.imported.qualified
    listed = given.texts(body, "phone_numbers")
    if not listed:
        raise given.BadInput("phone_numbers: takes a list of text")
    chosen = [_there(qualified.all, one, "is not being qualified") for one in listed]
    for number in chosen:
        qualified.take_invoices(number, accepted=accepted, after_s=after_s)
    return {"taken": len(chosen)}


def voice_code(sim: Backend, body: dict[str, Any]) -> Any:
    """The code of the last call to a number; null when no code is valid."""
    qualified = sim.world.imported.qualified
    number = _there(qualified.all, given.text(body, "phone_number"), "is not being qualified")
    return {"code": qualified.spoken_code(number)}


def unblock(sim: Backend, body: dict[str, Any]) -> Any:
    """Clears a number's failed codes."""
    qualified = sim.world.imported.qualified
    number = _there(qualified.all, given.text(body, "phone_number"), "is not being qualified")
    qualified.unblock(number)
    return {"state": number.state(sim.world.settle())}


def not_eligible(sim: Backend, body: dict[str, Any]) -> Any:
    """A number fails the eligibility check if it is added later."""
    error = body.get("error", "the number cannot be hosted")
    sim.world.imported.not_eligible[given.text(body, "phone_number")] = str(error)
    return {"error": error}


def loa(sim: Backend, body: dict[str, Any]) -> Any:
    """The authorised person signs or declines the letter of an order."""
    hosting = sim.world.imported.hosting
    order = _there(hosting.all, given.text(body, "hosting_order_id"), "is no hosting order")
    outcome = given.choice(body, "outcome", ("SIGNED", "DECLINED"), "SIGNED")
    after_s = given.number(body, "delay_s", 0)
    if outcome == "SIGNED":
        hosting.sign(order, after_s)
    else:
        hosting.refuse(order, after_s, signer=True)
    return {"state": order.state(sim.world.settle())}


def reject_hosting_order(sim: Backend, body: dict[str, Any]) -> Any:
    """The vendor refuses an order as a whole."""
    hosting = sim.world.imported.hosting
    order = _there(hosting.all, given.text(body, "hosting_order_id"), "is no hosting order")
    hosting.refuse(order, given.number(body, "delay_s", 0), signer=False)
    return {"state": order.state(sim.world.settle())}


def step_failure(sim: Backend, body: dict[str, Any]) -> Any:
    """A step of a number fails with a code: at its end if it runs, otherwise later.

    Code null: it does not fail.
    """
    step = given.choice(body, "step", (*STEPS, UNLINK))
    code = body.get("code")
    failure = None if code is None else Failure(given.choice(body, "code", FAILURE_CODES))
    sim.world.imported.set_failure(given.text(body, "phone_number"), step, failure)
    return {"step": step, "code": code}


def held_elsewhere(sim: Backend, body: dict[str, Any]) -> Any:
    """T-Mobile has a number under another aggregator, or not."""
    phone_number = given.text(body, "phone_number")
    value = given.truth(body, "value", default=True)
    numbers = sim.world.imported.held_elsewhere
    (numbers.add if value else numbers.discard)(phone_number)
    return {"held_elsewhere": value}


def manual(sim: Backend, body: dict[str, Any]) -> Any:
    """Staff take a number of an open hosting order aside, or give it back."""
    value = given.truth(body, "value", default=True)
    sim.world.imported.hosting.park(given.text(body, "phone_number"), value=value)
    return {"manual": value}


def unknown_plan(sim: Backend, body: dict[str, Any]) -> Any:
    """A service plan does not exist for the imported-numbers API, or does."""
    plan = given.text(body, "service_plan_id")
    value = given.truth(body, "value", default=True)
    plans = sim.world.imported.unknown_plans
    (plans.add if value else plans.discard)(plan)
    return {"unknown": value}


def allow_nnid(sim: Backend, body: dict[str, Any]) -> Any:
    """Allows the account to use an NNID."""
    sim.world.imported.allowed_nnids.add(given.text(body, "nnid"))
    return {"allowed": sorted(sim.world.imported.allowed_nnids)}


def seed_imported(sim: Backend, body: dict[str, Any]) -> Any:
    """Adds imported numbers, free of charge and linked long ago."""
    plan = given.text(body, "service_plan_id") if "service_plan_id" in body else "plan-0001"
    campaign = given.text(body, "campaign_id") if "campaign_id" in body else ""
    return {"added": sim.world.imported.seed(int(given.number(body, "count")), plan, campaign)}


def callback_habit(sim: Backend, body: dict[str, Any]) -> Any:
    """Script what happens to later events: dropped, delayed, duplicated, or overtaken."""
    habit = Habit(
        resource_id=given.text(body, "resource_id") if "resource_id" in body else None,
        drop=given.truth(body, "drop", default=False),
        duplicates=int(given.number(body, "duplicate", 0)),
        late_s=given.number(body, "late_s", 0),
        reorder=given.truth(body, "reorder", default=False),
        times=given.times(body, 1),
    )
    sim.callbacks.habits.append(habit)
    return {"habits": len(sim.callbacks.habits)}


_T = TypeVar("_T")


def _there(things: Mapping[str, _T], key: str, otherwise: str) -> _T:
    if key not in things:
        raise KeyError(f"{key} {otherwise}")
    return things[key]


ACTIONS: Mapping[str, Callable[[Backend, dict[str, Any]], Any]] = {
    "review": review,
    "upload": upload,
    "emergency_feature": emergency_feature,
    "invoices": invoices,
    "voice_code": voice_code,
    "unblock": unblock,
    "not_eligible": not_eligible,
    "loa": loa,
    "reject_hosting_order": reject_hosting_order,
    "step_failure": step_failure,
    "held_elsewhere": held_elsewhere,
    "manual": manual,
    "unknown_plan": unknown_plan,
    "allow_nnid": allow_nnid,
    "seed_imported": seed_imported,
    "callback_habit": callback_habit,
}
