"""The command tree. The work of each subcommand is in its own module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from numberflow.cli import exit_codes
from numberflow.cli.run_help import RunCommand
from numberflow.errors import (
    BadInput,
    JournalUnavailable,
    NumberflowError,
    SnapshotRefused,
    StoreUnavailable,
)
from numberflow.models.wording import without_controls

app = typer.Typer(
    name="numberflow",
    help="Rent, manage and inventory Sinch phone numbers, and never pay twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # A pipe gets plain text, without boxes.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
journal_app = typer.Typer(
    help="What was intended, what happened, and what a person has to decide.", no_args_is_help=True
)
app.add_typer(journal_app, name="journal")
numbers_app = typer.Typer(help="The numbers that the project holds.", no_args_is_help=True)
app.add_typer(numbers_app, name="numbers")
papers_app = typer.Typer(
    help="The papers store: registration data, files, letters and addresses that runs name.",
    no_args_is_help=True,
)
app.add_typer(papers_app, name="papers")
callbacks_app = typer.Typer(
    help="The secrets that the vendor signs callbacks with.", no_args_is_help=True
)
app.add_typer(callbacks_app, name="callbacks")
links_app = typer.Typer(help="What numbers can be linked to.", no_args_is_help=True)
app.add_typer(links_app, name="links")


Json = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]


def main() -> None:
    """Entry point of the script: errors become a sentence and an exit code, no traceback."""
    try:
        app()
    except BadInput as error:
        fail(error, exit_codes.BAD_INPUT)
    except (JournalUnavailable, SnapshotRefused, StoreUnavailable) as error:
        fail(error, exit_codes.REFUSED)
    except NumberflowError as error:
        fail(error, exit_codes.CRASH)


def fail(error: NumberflowError, code: int) -> None:
    """Say what is wrong and what to do about it, and leave."""
    typer.echo(without_controls(f"numberflow: {error.message}"), err=True)
    if error.remedy:
        typer.echo(without_controls(f"  → {error.remedy}"), err=True)
    sys.exit(code)


@app.command(cls=RunCommand)
def run(
    deployment: Annotated[str, typer.Argument(help="Which flow, for example search-and-rent.")],
    params: Annotated[str, typer.Option("--params", help="Parameters as JSON, or @FILE.")] = "{}",
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report here, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a flow here. Exit code: 0 done, 2 bad input, 3 refused, 4 needs a person, 1 crash.

    Stopped by Ctrl-C it is 130, by SIGTERM 143; then the journal says what was done so far.
    `numberflow run search-and-rent --help` shows the parameters of that flow.
    """
    from numberflow.cli import run as command

    sys.exit(command.run(deployment, params, report, as_json=as_json))


@app.command()
def simulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the simulated APIs; 0 picks a free one.")
    ] = 8377,
    control_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the control surface; 0 picks a free one.")
    ] = 8378,
    host: Annotated[
        str,
        typer.Option(
            help="Address of the simulated APIs. The control surface stays on this machine."
        ),
    ] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Seed of stock, search order and chaos.")] = 1,
    active: Annotated[
        int, typer.Option(help="Numbers that the project holds from the start.")
    ] = 250,
    chaos: Annotated[
        float, typer.Option(help="Share of requests that meet a fault, 0 to 1.")
    ] = 0.0,
) -> None:
    """Serve both Sinch APIs from memory until Ctrl-C; print the environment to use them."""
    from numberflow.cli import simulator as command

    command.simulate(
        host=host, port=port, control_port=control_port, seed=seed, active=active, chaos=chaos
    )


@app.command()
def receiver(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8379,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on: this machine only, since a reverse proxy stands before it."
        ),
    ] = "127.0.0.1",
) -> None:
    """Take the vendor's callbacks into the inbox until Ctrl-C; /health, /ready, /metrics."""
    from numberflow.cli import receiver as command

    command.receive(host, port)


@app.command()
def watch() -> None:
    """Retry or end runs whose process is gone, until Ctrl-C. `numberflow up` does it by itself.

    Start one beside the Prefect server, with the journal of the workers. A second one waits until
    the first has gone.
    """
    from numberflow.cli import watch_runs as command

    sys.exit(command.watch())


SecretsIn = Annotated[
    str | None,
    typer.Option(
        "--project",
        help="Name of a Sinch Credentials block, which keeps the secrets. Left out: the account of "
        "the environment, and a file under NUMBERFLOW_HOME.",
    ),
]


@callbacks_app.command("rotate")
def callbacks_rotate(
    api: Annotated[
        Literal["numbers", "imported", "both"],
        typer.Option("--api", help="Each API has a secret of its own."),
    ] = "both",
    project: SecretsIn = None,
    drop_previous: Annotated[
        bool, typer.Option("--drop-previous", help="Instead: stop accepting the old secrets.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give the vendor a new secret; what it signed with the old one is accepted until dropped."""
    from numberflow.cli import callbacks as command

    command.rotate_secrets(api, project, dropping=drop_previous, as_json=as_json)


@callbacks_app.command("status")
def callbacks_status(project: SecretsIn = None, as_json: Json = False) -> None:
    """Whether secrets are set here and at the vendor, and whether they agree. Shows none."""
    from numberflow.cli import callbacks as command

    command.status(project, as_json=as_json)


@links_app.command("check")
def links_check(
    service_plan_id: Annotated[
        str, typer.Option("--service-plan-id", help="SMS service plan.")
    ] = "",
    campaign_id: Annotated[
        str, typer.Option("--campaign-id", help="10DLC campaign: C and up to six more characters.")
    ] = "",
    app_id: Annotated[str, typer.Option("--app-id", help="Voice app (RTC).")] = "",
    trunk_id: Annotated[str, typer.Option("--trunk-id", help="SIP trunk (EST).")] = "",
    service_id: Annotated[str, typer.Option("--service-id", help="Fax service (FAX).")] = "",
    project: Annotated[
        str, typer.Option("--project", help="Name of a Sinch Credentials block.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Is it there and usable? Without a name: what there is. Exit code 3: something is not.

    Three answers: good; missing or not usable (a purchase with it is refused); cannot be checked
    (the key has no right to the product, or it does not list such ids: a purchase goes on).
    """
    from numberflow.cli import links as command

    asked = {
        "service_plan_id": service_plan_id,
        "campaign_id": campaign_id,
        "app_id": app_id,
        "trunk_id": trunk_id,
        "service_id": service_id,
        "project": project,
    }
    sys.exit(command.check(asked, as_json=as_json))


@app.command()
def demo() -> None:
    """Rent three numbers on the simulator despite lost replies and a kill: three are charged."""
    from numberflow.cli import demo as command

    sys.exit(command.demo())


@app.command()
def up(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server and its UI.")
    ] = 4200,
) -> None:
    """Start Prefect, every deployment and (without credentials) the simulator, until Ctrl-C."""
    from numberflow.cli import up as command

    sys.exit(command.up(port))


@app.command()
def setup(
    check: Annotated[
        bool, typer.Option("--check", help="Only look: exit code 1 where something differs.")
    ] = False,
    unattended: Annotated[
        bool,
        typer.Option(
            "--unattended",
            help="Exit code 0 also when something is left to a person: for what starts afterwards.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Set up the Prefect server, the journal and the stores; as often as you like.

    Exit code: 0 all is as it should be, 4 something is left to a person, 1 a step failed, or
    something differs (--check). Choices that people made in the UI stay.
    """
    from numberflow.cli import setup as command

    sys.exit(command.setup(check=check, unattended=unattended, as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check credentials, connectivity, journal, stores, Prefect and versions: what to fix."""
    from numberflow.cli import doctor as command

    sys.exit(command.doctor(as_json=as_json))


Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        help="Only this project: the vendor's id of it, as in SINCH_PROJECT_ID. Left out: all.",
    ),
]


@app.command()
def stop(
    project: Project = None,
    why: Annotated[
        str, typer.Option("--why", help="Shown in every report of a run that is stopped by it.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Hold every costly step of every worker. Returns when none is under way."""
    from numberflow.cli import stop as command

    command.stop(project, why, as_json=as_json)


@app.command()
def go(project: Project = None, as_json: Json = False) -> None:
    """Lift a stop: costly steps continue. To finish what was stopped, run it again."""
    from numberflow.cli import stop as command

    command.go(project, as_json=as_json)


Block = Annotated[
    str | None,
    typer.Option(
        "--project",
        help="Name of a Sinch Credentials block; the account of the environment when left out.",
    ),
]


@app.command()
def adopt(
    numbers: Annotated[
        list[str], typer.Argument(help="Numbers in E.164, such as +12025550123.", metavar="NUMBERS")
    ],
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference", help="Whose they are: a purchase that they belong to, or a new name."
        ),
    ] = None,
    project: Block = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Your name, kept in the journal; user@host when left out."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Instead: as if they had never been adopted.")
    ] = False,
    gone: Annotated[
        bool,
        typer.Option("--gone", help="Instead: the project no longer holds them, or not for long."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take numbers that were bought elsewhere into the journal. Costs nothing, changes no number.

    The vendor is read first: the project has to hold them, and no reference may.
    """
    from numberflow.cli import adopt as command

    command.run(
        numbers, reference=reference, project=project, by=by, undo=undo, gone=gone, as_json=as_json
    )


@app.command()
def reconcile(
    project: Block = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was told before and has not changed.")
    ] = False,
    accept_restore: Annotated[
        bool,
        typer.Option(
            "--accept-restore",
            help="Of a journal that was restored from a back-up: let costly steps continue, "
            "whatever is found.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the journal with what the project holds; settle what can be seen, tell the rest once.

    Costs nothing and changes nothing at the vendor. Exit code: 0 nothing to decide, 4 a person has
    to decide something; 2 bad input, 3 refused, 1 the vendor gave no answer.
    """
    from numberflow.cli import reconcile as command

    sys.exit(
        command.run(project, everything=everything, accept_restore=accept_restore, as_json=as_json)
    )


@app.command()
def export(
    date: Annotated[
        str | None,
        typer.Option(
            "--date",
            help="Date of the snapshot, 2026-11-23; today in UTC when left out, a past one "
            "without a snapshot.",
        ),
    ] = None,
    follow_up: Annotated[
        str | None,
        typer.Option(
            "--follow-up",
            help="Instead: make changes, costs and report of this published date again, from its "
            "files; sends nothing to the vendor.",
        ),
    ] = None,
    connections: Annotated[int, typer.Option(min=1, max=32, help="Requests at once.")] = 8,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Prove completeness without page tokens, for 4 to 8 times the requests.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Publish what the project holds now as a Parquet snapshot, with changes, costs and a report.

    Exit code: 0 all of it is published; 2 bad input; 1 the vendor did not answer, or refused; 3 not
    all of it is published. Then either nothing was published (and the previous snapshot stands), or
    it says PUBLISHED, BUT NOT COMPLETE, and `--follow-up` makes the rest.
    """
    from numberflow.cli import export as command

    if follow_up is not None:
        if date is not None:
            raise BadInput(
                "--follow-up names its date itself", field="date", remedy="leave --date out"
            )
        sys.exit(command.follow_up(follow_up, as_json=as_json))
    sys.exit(command.export(date, connections=connections, strict=strict, as_json=as_json))


@app.command()
def requirements(
    region: Annotated[str, typer.Option("--region", help="Two letters, such as AU.")],
    number_type: Annotated[str, typer.Option("--type", help="LOCAL, MOBILE or TOLL_FREE.")],
    template: Annotated[
        Path | None, typer.Option("--template", help="Write a registration form to fill in here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What an order of this region and type has to provide: registration data and files."""
    from numberflow.cli import requirements as command

    command.requirements(region, number_type, template, as_json=as_json)


@numbers_app.command("list")
def numbers_list(
    form: Annotated[
        Literal["json", "csv", "parquet"], typer.Option("--format", help="How they are written.")
    ] = "json",
    region: Annotated[
        str | None, typer.Option("--region", help="Only this region, such as US.")
    ] = None,
    number_type: Annotated[
        str | None, typer.Option("--type", help="Only LOCAL, MOBILE or TOLL_FREE.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write here instead of standard output.")
    ] = None,
) -> None:
    """Every number that the project holds, of every type: the complete list or an error."""
    from numberflow.cli import numbers as command

    command.list_numbers(form, region_code=region, number_type=number_type, out=out)


@papers_app.command("put")
def papers_put(
    file: Annotated[Path, typer.Argument(help="A file on this machine.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Its name in the store, such as au/extract.pdf; the file's own if left out.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a paper of that name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy a file into the papers store, and print the name that runs use for it."""
    from numberflow.cli import papers as command

    command.put(file, name, replace=replace, as_json=as_json)


@papers_app.command("list")
def papers_list(as_json: Json = False) -> None:
    """Every paper that a run can name, with its size in bytes."""
    from numberflow.cli import papers as command

    command.list_papers(as_json=as_json)


@papers_app.command("remove")
def papers_remove(
    name: Annotated[str, typer.Argument(help="As `numberflow papers list` shows it.")],
) -> None:
    """Remove a paper from the store, without asking for confirmation."""
    from numberflow.cli import papers as command

    command.remove(name)


@journal_app.command("list")
def journal_list(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only these states; repeat for several.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Only this purchase.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Intentions, newest first."""
    from numberflow.cli import journal as command

    command.list_intentions(states=state or [], reference=reference, limit=limit, as_json=as_json)


@journal_app.command("show")
def journal_show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE|INTENTION",
            help="A reference, or the id of an intention, or a unique beginning of it.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show what a reference holds and what is open in it, or one intention. Buys nothing."""
    from numberflow.cli import journal as command

    command.show(name, as_json=as_json)


@journal_app.command("verify")
def journal_verify(
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="A hash that this command printed before and you kept elsewhere."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the audit's chain, and the journal against it. Exit code 4: something is wrong."""
    from numberflow.cli import audit as command

    sys.exit(command.verify(expect=expect, as_json=as_json))


@journal_app.command("export")
def journal_export(
    form: Annotated[Literal["parquet", "csv"], typer.Option("--format", help="What to write.")],
    since: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="First day, UTC. Left out: all.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day, UTC. Left out: all.")
    ] = None,
    project: Project = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Into this file. Left out: to the terminal.")
    ] = None,
) -> None:
    """Write the audit: who did what, when, by which evidence, and what it cost."""
    from numberflow.cli import audit as command

    command.export(form, since=since, until=until, project=project, out=out)


@journal_app.command("close")
def journal_close(
    reference: Annotated[str, typer.Argument(help="The purchase.")],
    by: Annotated[str, typer.Option("--by", help="Your name; kept in the journal.")],
    project: Annotated[
        str | None,
        typer.Option(
            "--project", help="The vendor's id of its project, where several have the reference."
        ),
    ] = None,
) -> None:
    """Acknowledge a stopped purchase: the sweep does not report it again until it changes."""
    from numberflow.cli import journal as command

    command.close(reference, by=by, project=project)


@journal_app.command("reopen")
def journal_reopen(
    reference: Annotated[str, typer.Argument(help="The purchase.")],
    by: Annotated[str, typer.Option("--by", help="Your name; kept in the journal.")],
    note: Annotated[
        str, typer.Option("--note", help="What you saw at the vendor; kept in the journal.")
    ],
    project: Block = None,
) -> None:
    """Use a reference again that was worked on after the back-up from which the journal comes.

    What it bought since is not in the journal, so that a run of it may buy that again.
    """
    from numberflow.cli import journal as command

    command.reopen(reference, by=by, note=note, project=project)


@journal_app.command("settle")
def journal_settle(
    intention: Annotated[
        str, typer.Argument(help="Id of an intention, or a unique beginning of it.")
    ],
    verdict: Annotated[
        Literal["done", "refused", "planned"],
        typer.Option(
            "--as",
            help="done (it took effect), refused (it did not), planned (it did not; try again).",
        ),
    ],
    by: Annotated[str, typer.Option("--by", help="Your name; kept in the journal.")],
    note: Annotated[
        str, typer.Option("--note", help="What you saw at the vendor; kept in the journal.")
    ],
    phone_number: Annotated[
        str | None,
        typer.Option("--number", help="The number it brought, when the vendor picked it."),
    ] = None,
    order_id: Annotated[
        str | None, typer.Option("--order", help="The order that it opened, if it opened one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide what only a person can decide: whether an open intention took effect."""
    from numberflow.cli import journal as command

    command.settle(
        intention,
        verdict=verdict,
        by=by,
        note=note,
        phone_number=phone_number,
        order_id=order_id,
        as_json=as_json,
    )
