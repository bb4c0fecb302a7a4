"""The control surface: clock, ledger, request log, faults, holds, switches, scripts.

It has its own port, never the vendor's, and nothing of the simulated API. Bad input is answered
with 400 and a message that names the field. Manual: docs/simulator.md.
"""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from numberflow.simulator import callbacks, staff
from numberflow.simulator import control_input as given
from numberflow.simulator.backend import Backend
from numberflow.simulator.link_targets import PRODUCTS, Target
from numberflow.simulator.linking import STEPS, JobScript
from numberflow.simulator.news import News
from numberflow.simulator.provisioning import Event
from numberflow.simulator.stock import OFFERS, Kind, StockNumber
from numberflow.simulator.wire import active_number, api_time


def control_app(simulator: Backend) -> Starlette:
    """The control surface of one simulator as an ASGI application."""
    control = _Control(simulator)

    def guarded(
        endpoint: Callable[[Request], Awaitable[Any]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if "origin" in request.headers:
                # A browser says so whenever a page sends something to another place.
                return JSONResponse({"error": "the control port is not for pages"}, status_code=403)
            try:
                return JSONResponse(await endpoint(request))
            except KeyError as error:
                return JSONResponse({"error": str(error.args[0])}, status_code=404)
            except ValueError as error:
                return JSONResponse({"error": str(error)}, status_code=400)

        return answer

    table: tuple[tuple[str, str, Callable[[Request], Awaitable[Any]]], ...] = (
        ("GET", "/health", control.health),
        ("GET", "/state", control.state),
        ("POST", "/clock/advance", control.advance),
        ("GET", "/charges", control.charges),
        ("GET", "/requests", control.requests),
        ("GET", "/requests/summary", control.summary),
        ("GET", "/faults", control.faults),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", "/faults/{id:int}", control.remove_fault),
        ("GET", "/holds", control.holds),
        ("POST", "/holds/release-all", control.release_all),
        ("POST", "/holds/{id:int}/release", control.release),
        ("PUT", "/switches", control.switches),
        ("PUT", "/chaos", control.chaos),
        ("POST", "/script", control.script),
        ("GET", "/active/{phone_number}", control.active),
        ("GET", "/orders", control.orders),
        ("GET", "/emergency-coverage", control.emergency_coverage),
        ("GET", "/imported-numbers", control.imported_numbers),
        ("GET", "/hosting-orders", control.hosting_orders),
        ("GET", "/qualified-numbers", control.qualified_numbers),
        ("GET", "/link-targets", control.link_targets),
        ("GET", "/callbacks", control.callbacks),
    )
    return Starlette(
        routes=[
            Route(path, guarded(endpoint), methods=[method]) for method, path, endpoint in table
        ]
    )


async def _object(request: Request) -> dict[str, Any]:
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and kind != "application/json":
        # Forms and text are what a page may send anywhere without asking.
        raise given.BadInput("Content-Type: takes application/json (with curl: --json)")
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise given.BadInput("body: not JSON") from None
    if not isinstance(body, dict):
        raise given.BadInput("body: takes an object")
    return body


class _Control:
    """The endpoints. Each returns the value of the JSON reply."""

    def __init__(self, simulator: Backend) -> None:
        self._sim = simulator

    async def health(self, _: Request) -> Any:
        return {"status": "ok"}

    async def state(self, _: Request) -> Any:
        sim = self._sim
        return {
            "now": api_time(sim.clock.now()),
            "speed": sim.clock.speed,
            "seed": sim.settings.seed,
            "project_id": sim.settings.project_id,
            "key_id": sim.settings.key_id,
            "chaos": sim.faults.chaos,
            "switches": sim.switches.as_dict(),
            "requests": sum(sim.log.summary().values()),
            **sim.world.facts(),
        }

    async def advance(self, request: Request) -> Any:
        self._sim.clock.advance(given.number(await _object(request), "seconds"))
        return {"now": api_time(self._sim.world.settle())}

    async def charges(self, _: Request) -> Any:
        charges = self._sim.charges()
        totals = self._sim.world.ledger.totals()
        return {
            "charges": charges,
            "totals": {currency: str(amount) for currency, amount in totals.items()},
            "rentals": self._sim.rentals(),
        }

    async def requests(self, request: Request) -> Any:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise given.BadInput(f"since: takes a request number, not {since!r}")
        return {"requests": self._sim.requests(int(since))}

    async def summary(self, _: Request) -> Any:
        return self._sim.log.summary()

    async def faults(self, _: Request) -> Any:
        return {"faults": self._sim.faults.rules()}

    async def add_fault(self, request: Request) -> Any:
        return {"id": self._sim.faults.add(await _object(request))}

    async def clear_faults(self, _: Request) -> Any:
        self._sim.faults.clear()
        return {"faults": []}

    async def remove_fault(self, request: Request) -> Any:
        number = request.path_params["id"]
        if not self._sim.faults.remove(number):
            raise KeyError(f"no fault rule {number}")
        return {"faults": self._sim.faults.rules()}

    async def holds(self, _: Request) -> Any:
        return {"holds": self._sim.holds.list()}

    async def release(self, request: Request) -> Any:
        number = request.path_params["id"]
        if not self._sim.holds.release(number):
            raise KeyError(f"no hold {number}")
        return {"released": 1}

    async def release_all(self, _: Request) -> Any:
        return {"released": self._sim.holds.release_all()}

    async def switches(self, request: Request) -> Any:
        for name, value in (await _object(request)).items():
            self._sim.switches.set(name, value)
        return self._sim.switches.as_dict()

    async def chaos(self, request: Request) -> Any:
        rate = given.number(await _object(request), "rate")
        self._sim.set_chaos(rate)
        return {"rate": rate}

    async def active(self, request: Request) -> Any:
        phone_number = request.path_params["phone_number"]
        number = self._sim.world.holdings.get(phone_number)
        if number is None:
            raise KeyError(f"{phone_number} is not held")
        return json.loads(
            active_number(number, self._sim.world.project_id, self._sim.world.settle())
        )

    async def orders(self, _: Request) -> Any:
        return {"orders": self._sim.orders()}

    async def emergency_coverage(self, _: Request) -> Any:
        return {"numbers": self._sim.emergency_coverage()}

    async def imported_numbers(self, _: Request) -> Any:
        return {"imported_numbers": self._sim.imported_numbers()}

    async def hosting_orders(self, _: Request) -> Any:
        return {"hosting_orders": self._sim.hosting_orders()}

    async def qualified_numbers(self, _: Request) -> Any:
        return {"qualified_numbers": self._sim.qualified_numbers()}

    async def link_targets(self, _: Request) -> Any:
        return {"link_targets": self._sim.link_targets()}

    async def callbacks(self, _: Request) -> Any:
        return {"callbacks": self._sim.callbacks.deliveries()}

    async def script(self, request: Request) -> Any:
        body = await _object(request)
        actions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "price": self._price,
            "rival": self._rival,
            "provisioning": self._provisioning,
            "balance": self._balance,
            "trial": self._trial,
            "seed_active": self._seed_active,
            "callback": self._callback,
            "link_target": self._link_target,
        }
        name = body.get("action", "")
        with self._sim.world.lock:
            if name in actions:
                return actions[name](body)
            if name in staff.ACTIONS:
                return staff.ACTIONS[name](self._sim, body)
        raise given.BadInput(
            f"action: takes one of {', '.join([*actions, *staff.ACTIONS])}, not {name!r}"
        )

    def _price(self, body: dict[str, Any]) -> Any:
        setup, monthly = given.amount(body, "setup"), given.amount(body, "monthly")
        currency = given.text(body, "currency") if "currency" in body else None

        def change(number: StockNumber) -> tuple[Decimal, Decimal, str]:
            return setup, monthly, currency or number.currency

        if "phone_number" in body:
            return {"changed": self._sim.world.reprice([given.text(body, "phone_number")], change)}
        kind: Kind = (given.text(body, "region_code"), given.text(body, "type"))
        if kind not in OFFERS:
            raise given.BadInput(f"region_code: nothing of {' '.join(kind)} is sold")
        return {"changed": self._sim.world.reprice_kind(kind, change)}

    def _rival(self, body: dict[str, Any]) -> Any:
        return {"taken": self._sim.world.rival_takes(given.text(body, "phone_number"))}

    def _provisioning(self, body: dict[str, Any]) -> Any:
        names = ("service_plan_id", "campaign_id", "app_id", "phone_number")
        named = [name for name in names if name in body]
        if len(named) != 1:
            raise given.BadInput(f"service_plan_id: give exactly one of {', '.join(names)}")
        subject = given.text(body, named[0])
        outcome = given.choice(body, "outcome", ("SUCCEEDED", "FAILED"), "SUCCEEDED")
        script = JobScript(
            outcome == "FAILED", given.texts(body, "error_codes"), given.number(body, "delay_s", 0)
        )
        if "step" in body:
            step = given.choice(body, "step", STEPS)
            self._sim.world.linking.step_scripts[subject, step] = script
            return {"subject": subject, "step": step, "outcome": outcome}
        self._sim.world.linking.scripts[subject] = script
        return {"subject": subject, "outcome": outcome}

    def _link_target(self, body: dict[str, Any]) -> Any:
        product = given.choice(body, "product", PRODUCTS)
        target_id, targets = given.text(body, "id"), self._sim.world.link_targets
        if body.get("remove") is True:
            return {"removed": targets.remove(product, target_id)}
        status = given.text(body, "status") if "status" in body else "ACTIVE"
        other_id = given.text(body, "sms_service_id") if "sms_service_id" in body else ""
        targets.put(product, Target(target_id, str(body.get("name", target_id)), status, other_id))
        return {"product": product, "id": target_id, "status": status}

    def _balance(self, body: dict[str, Any]) -> Any:
        self._sim.world.ledger.balance = (
            None if body.get("amount") is None else given.amount(body, "amount")
        )
        return {"balance": body.get("amount")}

    def _trial(self, body: dict[str, Any]) -> Any:
        self._sim.world.trial = given.truth(body, "value")
        return {"trial": self._sim.world.trial}

    def _seed_active(self, body: dict[str, Any]) -> Any:
        return {"added": self._sim.world.add_held(int(given.number(body, "count")))}

    def _callback(self, body: dict[str, Any]) -> Any:
        resource_type = body.get("resource_type", "ACTIVE_NUMBER")
        resource_id = given.text(body, "phone_number" if "phone_number" in body else "resource_id")
        held = self._sim.world.holdings.get(resource_id)
        url = body.get("url") or (held.callback_url if held is not None else "")
        if not url:
            raise given.BadInput("url: the resource has no callback address, so give one")
        forge = body.get("forge")
        if forge is True:
            forge = "secret"
        if forge not in (None, False, *callbacks.FORGERIES):
            raise given.BadInput(f"forge: takes true or one of {', '.join(callbacks.FORGERIES)}")
        event = Event(
            body.get("event_type", "PROVISIONING_TO_VOICE_PLATFORM"),
            body.get("status", "SUCCEEDED"),
            body.get("failure_code"),
        )
        event_id = self._sim.callbacks.announce(
            News(resource_id, url, event, self._sim.clock.now(), resource_type),
            duplicates=int(given.number(body, "duplicate", 0))
            if body.get("duplicate") is not True
            else 1,
            late_s=given.number(body, "late_s", 0),
            reorder=bool(body.get("reorder", False)),
            forge=forge or None,
            internal_failure_code=body.get("internal_failure_code"),
        )
        return {"event_id": event_id}
