"""The files of containers/ against what they start: settings, commands, jobs, secrets.

Whether Docker, Compose and Kubernetes take them is `make validate`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_valid_setting_names
from prefect.utilities.templating import apply_values

from numberflow.cli.app import app
from numberflow.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "containers"
KUBERNETES = FOLDER / "kubernetes"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
SERVICES = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
TEMPLATE = json.loads((KUBERNETES / "baseJobTemplate.json").read_text())
MANIFESTS = [
    manifest
    for path in sorted(KUBERNETES.glob("*.yaml"))
    if not path.name.endswith(".values.yaml") and path.name != "kustomization.yaml"
    for manifest in yaml.safe_load_all(path.read_text())
]
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())

# Read by Prefect's own programs, and no setting.
_OF_PREFECT = {"PREFECT_HOME", "PREFECT_AUTH"}


def _job() -> dict[str, Any]:
    """The job that a worker makes of the template, when nobody changes a variable."""
    defaults = {
        name: variable["default"]
        for name, variable in TEMPLATE["variables"]["properties"].items()
        if "default" in variable
    } | {"name": "rent-6", "command": TEMPLATE["variables"]["properties"]["command"]["default"]}
    job = apply_values(TEMPLATE["job_configuration"]["job_manifest"], defaults)
    container = job["spec"]["template"]["spec"]["containers"][0]
    # As prefect-kubernetes does it.
    container["args"] = container["args"].split()
    return dict(job)


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in [*MANIFESTS, _job()]:
        if manifest["kind"] in {"Deployment", "Job"}:
            name = manifest["metadata"].get("name", "job of a run")
            yield name, manifest["spec"]["template"]["spec"]


def test_every_setting_exists() -> None:
    """A variable that is named in these files, or in their manual, is one of numberflow's or of
    Prefect's settings: one that was renamed is noticed here.
    """
    ours = {
        choice
        for field in Settings.model_fields.values()
        for choice in field.validation_alias.choices  # type: ignore[union-attr]
    }
    known = ours | _get_valid_setting_names(PrefectSettings) | _OF_PREFECT
    named = {
        (path.name, name)
        for path in [*FILES, ROOT / "docs" / "containers.md"]
        for name in re.findall(r"\b(?:NUMBERFLOW|SINCH|PREFECT)_[A-Z_]*[A-Z]\b", path.read_text())
    }
    assert len(named) > 20
    assert [] == sorted(each for each in named if each[1] not in known)


def _commands() -> dict[str, list[str]]:
    image = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    services = {name: each["command"] for name, each in SERVICES.items() if "command" in each}
    pods = {name: pod["containers"][0]["args"] for name, pod in _pods()}
    return {"Dockerfile": image, **services, **pods}


@pytest.mark.parametrize("arguments", [pytest.param(c, id=n) for n, c in _commands().items()])
def test_every_command_is_one(arguments: list[str]) -> None:
    """What containers start are commands of numberflow with options that it takes, or Prefect's."""
    program, *rest = arguments
    if program == "prefect":
        assert rest[:2] in (["worker", "start"], ["server", "start"], ["flow-run", "execute"])
        return
    assert "numberflow" == program
    group = typer.main.get_command(app)
    with group.make_context("numberflow", list(rest)) as context:
        name, command, options = group.resolve_command(context, list(rest))  # type: ignore[attr-defined]
        command.make_context(name, options, parent=context).close()


def test_a_job_is_what_kubernetes_takes() -> None:
    """The template, filled in with its own defaults, is a valid Job without unknown fields, and
    every variable that it uses is declared.
    """
    kubernetes_validate.validate(_job(), "1.37", strict=True)
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(TEMPLATE["job_configuration"])))
    assert used == set(TEMPLATE["variables"]["properties"])


@pytest.mark.parametrize(("name", "pod"), [pytest.param(n, p, id=n) for n, p in _pods()])
def test_pods_may_do_little(name: str, pod: dict[str, Any]) -> None:
    """No root, nothing written outside of its volumes, no token of the cluster; secrets come by
    reference.
    """
    (container,) = pod["containers"]
    assert (True, 10001) == (
        pod["securityContext"]["runAsNonRoot"],
        pod["securityContext"]["runAsUser"],
    )
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert {"secretRef": {"name": "numberflow-secrets"}} in container["envFrom"]
    writable = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/tmp", "/var/lib/numberflow"} == writable


def test_no_secret_is_written_down() -> None:
    """Passwords and keys come from outside: what is there is a reference, or empty."""
    secret = re.compile(
        r"^\W*(\w*(?:PASSWORD|SECRET|AUTH|AUTH_STRING))\s*[:=] *(\S.*)$", re.MULTILINE
    )
    written = [
        (path.name, found.group())
        for path in FILES
        for found in secret.finditer(path.read_text())
        if not found.group(2).startswith("${")
    ]
    assert [] == written
    assert re.findall(r"//\w+:(?!\$\{)", (FOLDER / "compose.yaml").read_text()) == []


def test_versions_are_those_of_the_pins() -> None:
    """The image has numberflow's version everywhere, and Prefect's servers that of the pins."""
    pyproject = (ROOT / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.*)"', pyproject, re.MULTILINE).group(1)  # type: ignore[union-attr]
    pins = (ROOT / "requirements.txt").read_text()
    prefect = re.search(r"^prefect==(\S+)", pins, re.MULTILINE).group(1)  # type: ignore[union-attr]
    text = "".join(path.read_text() for path in FILES)
    assert {version} == set(re.findall(r"\bnumberflow:(\d\S*?)[\s\"]", text))
    assert {version} == set(re.findall(r"newTag: (\S+)", text))
    tags = re.findall(r"prefectTag: (\S+?)-python", text)
    assert [prefect, prefect] == tags


def test_the_image_has_the_pins() -> None:
    """What is pinned for everybody is pinned for the image, which has S3 as well: `make pins`."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z][^ ;]*==[^ ;]+)", (ROOT / name).read_text(), re.MULTILINE))

    assert set() == pins("requirements.txt") - pins("requirements-image.txt")
    assert any(pin.startswith("s3fs==") for pin in pins("requirements-image.txt"))
