"""Prints what the image runs for a service: the Dockerfile's ENTRYPOINT and the service's command.

    python .ci/image_command.py worker      a service of containers/compose.yaml
    python .ci/image_command.py run         the job of a run on Kubernetes

Without tini where it is not installed. For .ci/wheel_smoke.sh, which runs these commands.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[1] / "containers"


def _command(service: str) -> list[str]:
    if service == "run":
        template = json.loads((FOLDER / "kubernetes" / "baseJobTemplate.json").read_text())
        return shlex.split(template["variables"]["properties"]["command"]["default"])
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    return list(services[service]["command"])


def _entry_point() -> list[str]:
    text = (FOLDER / "Dockerfile").read_text()
    (found,) = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    words = json.loads(found)
    assert words[:2] == ["tini", "--"], words
    return words if shutil.which("tini") else words[2:]


if __name__ == "__main__":
    sys.stdout.write(shlex.join(_entry_point() + _command(sys.argv[1])) + "\n")
