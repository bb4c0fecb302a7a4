"""Parameters of order-numbers, checked as far as that is possible without a request.

The wanted numbers are as in search-and-rent (`orders.WantedNumbers`). This adds what an order
needs: one number or a quantity, and the papers, by reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from numberflow.models.number_orders import QUANTITY_MAX
from numberflow.models.orders import WantedNumbers
from numberflow.models.papers import PaperReference, check_reference
from numberflow.models.parameters import (
    Parameters,
    PhoneNumber,
    RegionCode,
    WholeNumber,
    empty_is_none,
    short,
)
from numberflow.models.vendor import NumberType

# This becomes part of the URL of an upload; the samples are UUIDs and ULIDs
# (docs/vendor/numbers-behaviour.md §10).
_ATTACHMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# No published form requires more than a few; a mistake in a script may send more.
ATTACHMENTS_MAX = 50


class AttachmentPaper(Parameters):
    """One file of an order: where it is, and its document type where the vendor requires one."""

    file: Annotated[str, AfterValidator(check_reference)]
    document_type: Annotated[str | None, BeforeValidator(empty_is_none)] = None


class AttachmentGroup(Parameters):
    """One file of an order: which requirement it answers, where it is, and what it is."""

    requirement_id: str = Field(
        min_length=1,
        title="Requirement",
        description="Id of the file in the requirements (`numberflow requirements`, or a run with "
        "plan only)",
        json_schema_extra={"position": 0},
    )
    file: str = Field(
        min_length=1,
        title="File",
        description="A paper of the papers store such as extract.pdf, or block:NAME",
        json_schema_extra={"position": 1},
    )
    document_type: str = Field(
        default="",
        title="Document type",
        description="Such as PASSPORT; only where the requirement allows several",
        json_schema_extra={"position": 2},
    )


def _as_papers(value: Any) -> Any:
    """Papers by the id of their requirement.

    Forms send a list of groups; scripts may write `{id: file}`, or `{id: {"file": …,
    "document_type": …}}`.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, list | tuple):
        value = _by_requirement(value)
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - pydantic reads ValueError only
            'must be a list of groups: [{"requirement_id": "ID", "file": "extract.pdf"}]'
        )
    if len(value) > ATTACHMENTS_MAX:
        raise ValueError(f"names {len(value)} files; at most {ATTACHMENTS_MAX} go with an order")
    for name in value:
        if not isinstance(name, str) or not _ATTACHMENT_ID.fullmatch(name):
            raise ValueError(
                f"{short(name)} is not an attachment id; `numberflow requirements` lists them"
            )
    return {
        name: {"file": paper} if isinstance(paper, str) else paper for name, paper in value.items()
    }


def _by_requirement(groups: Sequence[Any]) -> dict[str, Any]:
    papers: dict[str, Any] = {}
    for index, given in enumerate(groups, 1):
        group = given.model_dump() if isinstance(given, AttachmentGroup) else given
        if not isinstance(group, Mapping) or not isinstance(group.get("requirement_id"), str):
            # Pydantic handles ValueError only
            raise ValueError(f"entry {index} must be a group with requirement_id and file")  # noqa: TRY004
        name = group["requirement_id"].strip()
        if name in papers:
            raise ValueError(f"two files are named for {short(name)}")
        papers[name] = {field: value for field, value in group.items() if field != "requirement_id"}
    return papers


class OrderNumbersParameters(WantedNumbers):
    """Parameters of order-numbers, checked."""

    quantity: WholeNumber = Field(default=1, ge=1, le=QUANTITY_MAX)
    phone_number: Annotated[PhoneNumber | None, BeforeValidator(empty_is_none)] = None
    kyc: PaperReference = None
    attachments: Annotated[dict[str, AttachmentPaper], BeforeValidator(_as_papers)] = Field(
        default_factory=dict
    )

    @field_validator("attachments")
    @classmethod
    def _one_file_each(cls, value: dict[str, AttachmentPaper]) -> dict[str, AttachmentPaper]:
        files = [paper.file for paper in value.values()]
        if twice := next((file for file in files if files.count(file) > 1), None):
            raise ValueError(f"{short(twice)} stands for two attachments")
        return value

    @model_validator(mode="after")
    def _one_or_many(self) -> Self:
        if self.phone_number is not None and self.quantity != 1:
            raise ValueError(f"quantity: is {self.quantity}, but phone_number names one number")
        return self

    @property
    def named_numbers(self) -> tuple[str, ...]:
        """`phone_number`, when there is one."""
        return (self.phone_number,) if self.phone_number is not None else ()

    @property
    def named_field(self) -> str:
        """The parameter that names a number."""
        return "phone_number"

    @property
    def papers(self) -> dict[str, str]:
        """Each reference to a paper, by its parameter."""
        kyc = {} if self.kyc is None else {"kyc": self.kyc}
        return kyc | {f"attachments.{name}": paper.file for name, paper in self.attachments.items()}

    def as_parameters(self) -> dict[str, Any]:
        """The value of `--params` for this order; papers by reference."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        if self.attachments:
            given["attachments"] = [
                {"requirement_id": name, **paper.model_dump(mode="json", exclude_none=True)}
                for name, paper in self.attachments.items()
            ]
        return given | {"region_code": self.region_code, "number_type": self.number_type.value}


class RequirementsQuestion(Parameters):
    """The kind of numbers whose requirements are looked up."""

    region: RegionCode
    type: Annotated[
        NumberType,
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ]
