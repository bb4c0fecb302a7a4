"""The papers of a number order held against the vendor's requirements, before the order exists.

Creating it starts a clock.

Not here: reading a paper (papers), what the form says (planning.kyc_form).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Secret

from numberflow.errors import BadInput
from numberflow.models import personal
from numberflow.models.number_orders import NumberRequirements
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.papers import PaperFile
from numberflow.planning import kyc_form


@dataclass(frozen=True)
class OrderFile:
    """A file that was looked through, and what it is."""

    paper: PaperFile
    document_type: str | None


@dataclass(frozen=True)
class OrderPapers:
    """Everything that goes with an order, checked.

    `details` is the registration, under seal; None where none is needed.
    """

    details: Secret[Mapping[str, Any]] | None = None
    files: Mapping[str, OrderFile] = field(default_factory=dict)

    def texts(self) -> tuple[str, ...]:
        """What no error may repeat when the vendor does.

        The registration, and names of files with and without their endings.
        """
        names = [file.paper.name.get_secret_value() for file in self.files.values()]
        details = self.details.get_secret_value() if self.details is not None else None
        return personal.texts([details, names, [name.rpartition(".")[0] for name in names]])


def check_papers(
    order: OrderNumbersParameters,
    requirements: NumberRequirements | None,
    details: Secret[Mapping[str, Any]] | None,
    files: Mapping[str, PaperFile],
) -> OrderPapers:
    """Hold the papers against the requirements, before an order exists: creating it starts a clock.

    Args:
        order: what is asked for; `attachments` names the files.
        requirements: the vendor's; None where nothing is required.
        details: what `kyc` names, under seal.
        files: what `attachments` name, by id.

    Raises:
        BadInput: everything that is missing or wrong, by field; never what stands in it.
    """
    if requirements is None:
        if files:
            raise BadInput(
                f"attachments: the vendor asks for no files for {order.number_type} numbers in "
                f"{order.region_code}",
                field="attachments",
                remedy="leave attachments out",
            )
        return OrderPapers(
            details,
            {
                name: OrderFile(paper, order.attachments[name].document_type)
                for name, paper in files.items()
            },
        )
    problems: list[tuple[str, str]] = []
    if details is None:
        if kyc_form.asks_for_data(requirements):
            problems.append(
                (
                    "kyc",
                    (
                        "is missing; `numberflow requirements --template <file>` writes a form to "
                        "fill in"
                    ),
                )
            )
    else:
        value = details.get_secret_value()
        if "data" not in value:
            problems.append(
                ("kyc", 'has no "data"; the form that `numberflow requirements` writes has it')
            )
        else:
            problems += [
                (f"kyc: {found.path}", found.problem)
                for found in kyc_form.findings(requirements, value["data"])
            ]
    problems += _file_problems(order, requirements, files)
    if problems:
        raise BadInput(
            "; ".join(f"{name} {problem}" for name, problem in problems),
            field=problems[0][0].partition(":")[0].partition(".")[0],
            remedy="correct the papers and run again with the same reference; nothing was sent",
        )
    return OrderPapers(
        details,
        {
            name: OrderFile(paper, _document_type(order, requirements, name))
            for name, paper in files.items()
        },
    )


def _file_problems(
    order: OrderNumbersParameters, requirements: NumberRequirements, files: Mapping[str, PaperFile]
) -> list[tuple[str, str]]:
    wanted = {each.attachment_id: each for each in requirements.attachments}
    problems: list[tuple[str, str]] = []
    for name in files.keys() - wanted.keys():
        known = ", ".join(
            f"{each.attachment_id} ({each.title or 'a file'})" for each in wanted.values()
        )
        problems.append((f"attachments.{name}", f"is not asked for; known are: {known or 'none'}"))
    for name, required in wanted.items():
        paper = files.get(name)
        if paper is None:
            if required.mandatory:
                problems.append(
                    (f"attachments.{name}", f"is missing: {required.title or 'a file'}")
                )
            continue
        if required.allowed_mime_types and paper.media_type not in required.allowed_mime_types:
            problems.append(
                (
                    f"attachments.{name}",
                    f"is {paper.media_type}; takes {', '.join(required.allowed_mime_types)}",
                )
            )
        told, allowed = order.attachments[name].document_type, required.allowed_document_types
        if allowed and told not in allowed and not (told is None and len(allowed) == 1):
            problems.append(
                (
                    f"attachments.{name}",
                    f"needs its document_type, one of {', '.join(allowed)}",
                )
            )
    return problems


def _document_type(
    order: OrderNumbersParameters, requirements: NumberRequirements, name: str
) -> str | None:
    required = next(each for each in requirements.attachments if each.attachment_id == name)
    told, allowed = order.attachments[name].document_type, required.allowed_document_types
    return told or (allowed[0] if len(allowed) == 1 else None)
