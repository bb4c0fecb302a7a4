"""Checks requests and responses against docs/vendor/*.openapi.yaml.

Says what is wrong; decides nothing about what to send.

jsonschema does the work, not openapi-core: the vendor's colon verbs (`{phoneNumber}:rent`) need a
path matcher of our own, and an OpenAPI 3.1 schema is a JSON Schema 2020-12. Paths may carry the
simulator's prefix (/auth, /numbers, /imported); it also tells which document.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_VENDOR = Path(__file__).parents[2] / "docs" / "vendor"
_DOCUMENTS = {"numbers": "numbers.openapi.yaml", "imported": "imported-hosting.openapi.yaml"}

checks_run = 0
"""How many requests and responses were checked in this process.

Printed at the end of a run, so that silence is noticed.
"""

_formats = FormatChecker(formats=())


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", value):
        return False
    try:
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        return False
    return True


def _emitted_live(
    validator: Any, names: list[str], instance: object, _schema: object
) -> Iterator[ValidationError]:
    """x-emitted-live as a keyword: the keys that every recorded reply had."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield ValidationError(f"{name!r} is in every live reply but missing here")


_formats.checkers["date-time"] = (_is_date_time, ())

_Lenient = Draft202012Validator
_Live = extend(Draft202012Validator, {"x-emitted-live": _emitted_live})


@cache
def document(api: str) -> dict[str, Any]:
    """The OpenAPI document of an API: numbers or imported."""
    loaded: dict[str, Any] = yaml.safe_load((_VENDOR / _DOCUMENTS[api]).read_text(encoding="utf-8"))
    return loaded


@cache
def _registry(api: str) -> Registry[Any]:
    resource = Resource.from_contents(document(api), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(f"urn:{api}", resource)
    return registry


def _resolved(api: str, node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document(api)
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _absolute(api: str, schema: Any) -> Any:
    """The schema with its references made absolute, so that it may stand alone."""
    if isinstance(schema, dict):
        return {
            key: f"urn:{api}{value}"
            if key == "$ref" and isinstance(value, str)
            else _absolute(api, value)
            for key, value in schema.items()
        }
    return [_absolute(api, item) for item in schema] if isinstance(schema, list) else schema


def _check(
    api: str, schema: dict[str, Any], instance: object, what: str, *, live: bool = False
) -> None:
    kind = _Live if live else _Lenient
    validator = kind(_absolute(api, schema), registry=_registry(api), format_checker=_formats)
    errors = sorted(
        validator.iter_errors(instance), key=lambda error: list(map(str, error.absolute_path))
    )
    assert not errors, f"{what}: " + "; ".join(
        f"at {'/'.join(map(str, error.absolute_path)) or 'top'}: {error.message}"
        for error in errors[:5]
    )


@cache
def _paths(api: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    compiled = []
    for template in document(api)["paths"]:
        regex = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/:]+)", re.escape(template))
        compiled.append((re.compile(regex), template))
    return tuple(compiled)


def find_operation(
    method: str, path: str
) -> tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, str]]:
    """API name, operation object, parameters and decoded path values.

    Raises AssertionError if the contract has none.
    """
    api = "imported" if path.startswith("/imported/") else "numbers"
    bare = unquote(re.sub(r"^/(auth|numbers|imported)(?=/)", "", path.partition("?")[0]))
    for pattern, template in _paths(api):
        matched = pattern.fullmatch(bare)
        item = document(api)["paths"][template]
        if matched is not None and method.lower() in item:
            operation = item[method.lower()]
            listed = [*item.get("parameters", []), *operation.get("parameters", [])]
            return api, operation, [_resolved(api, one) for one in listed], matched.groupdict()
    raise AssertionError(f"the contract has no {method} {path}")


def validate_response(
    method: str,
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    live: bool = False,
) -> None:
    """Checks a reply. `live` also demands the keys that live replies always have.

    Raises AssertionError with the reason.
    """
    global checks_run  # noqa: PLW0603
    checks_run += 1
    api, operation, _, _ = find_operation(method, path)
    responses = operation["responses"]
    assert str(status) in responses or "default" in responses, (
        f"{method} {path}: {status} is not a listed status"
    )
    response = _resolved(api, responses.get(str(status), responses.get("default", {})))
    content = response.get("content")
    if not content:
        return
    given = {name.lower(): value for name, value in headers.items()}
    media_type = given.get("content-type", "").partition(";")[0].strip()
    assert media_type in content, (
        f"{method} {path}: {status} came as {media_type or 'nothing'}, not {list(content)}"
    )
    try:
        instance = json.loads(body)
    except ValueError as error:
        raise AssertionError(f"{method} {path}: {status} is no JSON: {body[:80]!r}") from error
    _check(
        api,
        content[media_type].get("schema", {}),
        instance,
        f"{method} {path}: {status}",
        live=live,
    )


def validate_request(
    method: str, path: str, query: str | Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> None:
    """Checks a request: path, query keys and values, body. Raises AssertionError with the reason.

    `query` is the raw query string or a mapping whose values may be lists. Unknown query keys are
    refused: the service would ignore them, so whoever sends one believes in a filter that does not
    exist.
    """
    global checks_run  # noqa: PLW0603
    checks_run += 1
    api, operation, parameters, path_values = find_operation(method, path)
    what = f"{method} {path}"
    given = _query_values(query)
    known = {one["name"]: one for one in parameters if one["in"] == "query"}
    for name, values in given.items():
        assert name in known, f"{what}: no query parameter is called {name!r}"
        schema = _resolved(api, known[name]["schema"])
        if schema.get("type") == "array":
            _check(api, schema, values, f"{what}: query {name}")
            continue
        assert len(values) == 1, f"{what}: query {name} is there {len(values)} times"
        value: object = values[0]
        if schema.get("type") == "integer":
            assert re.fullmatch(r"-?\d+", values[0]), (
                f"{what}: query {name} is no integer: {value!r}"
            )
            value = int(values[0])
        _check(api, schema, value, f"{what}: query {name}")
    for name, one in known.items():
        assert name in given or not one.get("required"), f"{what}: query {name} is missing"
    for one in parameters:
        if one["in"] == "path":
            _check(api, one["schema"], path_values[one["name"]], f"{what}: path {one['name']}")
    _check_body(
        api, operation, {name.lower(): value for name, value in headers.items()}, body, what
    )


def _query_values(query: str | Mapping[str, Any]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    if isinstance(query, str):
        for name, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
            given.setdefault(name, []).append(value)
    else:
        for name, value in query.items():
            given[name] = (
                [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
            )
    return given


def _check_body(
    api: str, operation: dict[str, Any], headers: dict[str, str], body: bytes, what: str
) -> None:
    request_body = _resolved(api, operation.get("requestBody", {}))
    if not request_body:
        assert not body.strip() or body.strip() == b"{}", f"{what}: takes no body"
        return
    if not body:
        assert not request_body.get("required"), f"{what}: needs a body"
        return
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    assert media_type in request_body["content"], f"{what}: body came as {media_type or 'nothing'}"
    schema = request_body["content"][media_type].get("schema", {})
    if media_type == "application/x-www-form-urlencoded":
        _check(api, schema, dict(parse_qsl(body.decode())), f"{what}: form")
    elif media_type == "multipart/form-data":
        _check(api, schema, _form(headers["content-type"], body), f"{what}: form")
    elif media_type == "application/json":
        try:
            instance = json.loads(body)
        except ValueError as error:
            raise AssertionError(f"{what}: body is no JSON") from error
        _check(api, schema, instance, f"{what}: body")


def _form(content_type: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"content-type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    names = [
        str(part.get_param("name", header="content-disposition")) for part in message.iter_parts()
    ]
    return dict.fromkeys(names, "")


def validate_callback(body: bytes) -> None:
    """Checks the body of a callback against the webhook schema of its API.

    Raises AssertionError with the reason.
    """
    global checks_run  # noqa: PLW0603
    checks_run += 1
    instance = json.loads(body)
    api = (
        "numbers"
        if instance.get("resourceType") in ("ACTIVE_NUMBER", "NUMBER_ORDER")
        else "imported"
    )
    _check(api, {"$ref": "#/components/schemas/CallbackPayload"}, instance, "callback")
    if api == "imported":
        always = document(api)["components"]["schemas"]["CallbackPayload"]["x-sim-always-present"]
        assert [name for name in always if name not in instance] == [], (
            "callback lacks what is always present"
        )
