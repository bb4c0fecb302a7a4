"""Configuring and giving up held numbers as Prefect tasks."""

from __future__ import annotations

from numberflow.purchase.held import configure, release
from tasks.step import reported, step

look_at_configuration = step("look at the numbers to configure")(configure.configure_report)
configure_numbers = step("configure numbers")(
    reported(configure.configure, configure.configure_report)
)
look_at_release = step("look at the numbers to release")(
    reported(release.begun, release.release_report)
)
ask_about_release = step("see whether a person has to approve")(release.question)
approve_release = step("save approval of the release")(release.approve)
release_numbers = step("release numbers")(reported(release.release, release.release_report))
