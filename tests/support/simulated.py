"""A checked client of the simulator: every request and every reply is held against the contract.

For contract tests of the simulator.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from support.openapi import validate_request, validate_response

from numberflow.simulator import (
    BASE_URL,
    InProcessTransport,
    Running,
    Simulator,
    SimulatorSettings,
    serve,
)


class Checked:
    """Calls the simulator, in-process or served, and validates what goes out and comes back.

    `sloppy=True` on a call skips the check of the request, for tests that break the rules on
    purpose.
    """

    def __init__(self, simulator: Simulator, running: Running | None = None) -> None:
        self.simulator = simulator
        self.environment = running.environment if running else simulator.environment(BASE_URL)
        transport = None if running else InProcessTransport(simulator)
        self.http = httpx.AsyncClient(transport=transport, trust_env=False, timeout=10)
        self.project_path = f"/v1/projects/{simulator.settings.project_id}"
        self._token: str | None = None

    async def token(self, **overrides: Any) -> httpx.Response:
        """Asks for a token; keyword arguments replace `auth` or `data`."""
        settings = self.simulator.settings
        arguments: dict[str, Any] = {
            "auth": (settings.key_id, settings.key_secret),
            "data": {"grant_type": "client_credentials"},
        } | overrides
        url = self.environment["SINCH_AUTH_URL"] + "/oauth2/token"
        response = await self.http.post(url, **arguments)
        path = response.request.url.path
        validate_response(
            "POST", path, response.status_code, response.headers, response.content, live=True
        )
        return response

    async def call(
        self,
        method: str,
        rest: str,
        *,
        sloppy: bool = False,
        unlisted: bool = False,
        imported: bool = False,
        **arguments: Any,
    ) -> httpx.Response:
        """Calls `rest` below the project's path, by default with a bearer token.

        `unlisted=True` skips the check of the reply, for statuses that only the behaviour notes
        have.
        """
        headers = dict(arguments.pop("headers", {}))
        if "auth" not in arguments and "authorization" not in headers:
            if self._token is None:
                self._token = (await self.token()).json()["access_token"]
            headers["authorization"] = f"Bearer {self._token}"
        base = (
            self.environment["SINCH_IMPORTED_URL" if imported else "SINCH_NUMBERS_URL"]
            + self.project_path
        )
        request = self.http.build_request(
            method, f"{base}/{rest}", headers=headers, **_without_auth(arguments)
        )
        await request.aread()
        if not sloppy:
            validate_request(
                method,
                request.url.path,
                request.url.query.decode(),
                request.headers,
                request.content,
            )
        response = await self.http.send(
            request, **({"auth": arguments["auth"]} if "auth" in arguments else {})
        )
        if not unlisted:
            path = request.url.path
            validate_response(
                method, path, response.status_code, response.headers, response.content, live=True
            )
        return response

    async def imported(self, method: str, rest: str, **arguments: Any) -> httpx.Response:
        """The same for the imported-numbers API."""
        return await self.call(method, rest, imported=True, **arguments)

    def later(self, seconds: float) -> None:
        """Advances the simulated clock; a new token is fetched for what follows."""
        self.simulator.clock.advance(seconds)
        self._token = None

    async def offered(self, **query: Any) -> list[dict[str, Any]]:
        """Search results; US LOCAL unless the query says otherwise."""
        response = await self.call(
            "GET", "availableNumbers", params={"regionCode": "US", "type": "LOCAL"} | query
        )
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["availableNumbers"]
        return found

    async def rented(self, **body: Any) -> dict[str, Any]:
        """Rents the first number on offer."""
        phone_number = (await self.offered(size=1, capabilities="SMS"))[0]["phoneNumber"]
        response = await self.call("POST", f"availableNumbers/{phone_number}:rent", json=body)
        assert response.status_code == 200, response.text
        number: dict[str, Any] = response.json()
        return number


@contextlib.asynccontextmanager
async def checked(how: str, settings: SimulatorSettings) -> AsyncIterator[Checked]:
    """A checked client of a new simulator. `how` is in-process or served."""
    simulator = Simulator(settings)
    with contextlib.ExitStack() as stack:
        client = Checked(
            simulator, stack.enter_context(serve(simulator)) if how == "served" else None
        )
        try:
            yield client
        finally:
            await client.http.aclose()


def flat_error_of(response: httpx.Response) -> tuple[int, str, str, list[str]]:
    """Status and contents of a flat error, whose code is text."""
    error = response.json()
    assert error["code"] == str(response.status_code)
    fields = [
        one["field"] for detail in error.get("details", []) for one in detail["fieldViolations"]
    ]
    return response.status_code, error["status"], error["message"], fields


def error_of(response: httpx.Response) -> tuple[int, str, str, list[str]]:
    """Status and the parts of the envelope that a client may branch on."""
    error = response.json()["error"]
    details = [
        field
        for detail in error["details"]
        for field in (
            [violation["field"] for violation in detail["fieldViolations"]]
            if "fieldViolations" in detail
            else [detail.get("resourceType") or detail["resourceName"]]
        )
    ]
    return response.status_code, error["status"], error["message"], details


def _without_auth(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "auth"}
