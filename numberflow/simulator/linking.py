"""Link numbers to SMS plans, campaigns and voice applications: what is allowed, and the jobs.

docs/vendor/numbers-behaviour.md §6 and §7. provisioning.py has the state of a job at a given
moment; buying and leaving are in world.py.
"""

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from numberflow.simulator import problems
from numberflow.simulator.holdings import HeldNumber
from numberflow.simulator.provisioning import (
    Event,
    Job,
    SmsLink,
    Timing,
    VoiceLink,
    progress,
    sms_events,
    voice_events,
)
from numberflow.simulator.switches import Switches

L = TypeVar("L", SmsLink, VoiceLink)

STEPS = ("link", "unlink", "link_sms", "unlink_sms", "link_voice", "unlink_voice")
"""Steps that a script may be limited to. A job without a new link is an unlink."""


@dataclass(frozen=True, slots=True)
class JobScript:
    """What happens to future link jobs of a plan, campaign, voice application or number."""

    failed: bool
    error_codes: tuple[str, ...] = ()
    delay_s: float = 0.0


def refusal(switches: Switches, field: str, description: str) -> problems.Problem:
    """A 400 because of the present state rather than the form of the request."""
    status = (
        "FAILED_PRECONDITION" if switches.refusals_use_failed_precondition else "INVALID_ARGUMENT"
    )
    return problems.bad_field(field, description, status)


class Linking:
    """Link rules and running jobs of one world.

    `schedule` calls back at a moment of the simulated clock; `tell` passes on what happened to a
    number.
    """

    def __init__(
        self,
        switches: Switches,
        rng: random.Random,
        schedule: Callable[[datetime, Callable[[datetime], None]], None],
        tell: Callable[[HeldNumber, Iterable[Event], datetime], None],
    ) -> None:
        self._switches = switches
        self._rng = rng
        self._at = schedule
        self._tell = tell
        self._serial = itertools.count(1)
        self.scripts: dict[str, JobScript] = {}
        self.step_scripts: dict[tuple[str, str], JobScript] = {}
        self.extra_s = 0.0

    def _is_new(self, job: Job[L] | None, linked: L, target: L, now: datetime) -> bool:
        """Whether a target is neither reached nor on its way. Raises Problem 409 by switch."""
        if job is None:
            return target != linked
        running = now < job.ends_at
        if running and self._switches.conflict_while_job_runs:
            raise problems.job_running()
        return not running or target != job.target

    def may_link_sms(
        self, number: HeldNumber, now_linked: SmsLink, target: SmsLink, now: datetime
    ) -> bool:
        """Whether an SMS change starts a job; False if nothing would change.

        Raises Problem 400 (relink) or 409 by switch.
        """
        job = number.sms_job
        if not self._is_new(job, now_linked, target, now):
            return False
        if not self._switches.allow_direct_relink:
            # A running link counts as linked: it will be in effect before anybody can unlink it.
            pairs = [("service_plan_id", now_linked.service_plan_id, target.service_plan_id)]
            pairs.append(("campaign_id", now_linked.campaign_id, target.campaign_id))
            if job is not None and now < job.ends_at:
                pairs.append(
                    ("service_plan_id", job.target.service_plan_id, target.service_plan_id)
                )
                pairs.append(("campaign_id", job.target.campaign_id, target.campaign_id))
            for name, linked, asked in pairs:
                if linked and asked and linked != asked:
                    raise refusal(
                        self._switches,
                        f"sms_configuration.{name}",
                        f"unlink {linked} before linking {asked}",
                    )
        return True

    def may_link_voice(
        self, number: HeldNumber, now_linked: VoiceLink, target: VoiceLink, now: datetime
    ) -> bool:
        """The same for voice, which may be changed directly unless a switch says otherwise."""
        if not self._is_new(number.voice_job, now_linked, target, now):
            return False
        if (
            self._switches.refuse_direct_voice_change
            and now_linked.id
            and target.id
            and now_linked != target
        ):
            raise refusal(
                self._switches,
                "voice_configuration",
                "unlink the voice application before linking another",
            )
        return True

    def in_effect(self, number: HeldNumber, now: datetime) -> tuple[SmsLink, VoiceLink]:
        """What is in effect at a moment: the stored link, or the result of a job that has ended."""
        sms_job, voice_job = number.sms_job, number.voice_job
        return (
            sms_job.reached if sms_job is not None and now >= sms_job.ends_at else number.sms,
            voice_job.reached
            if voice_job is not None and now >= voice_job.ends_at
            else number.voice,
        )

    def _script_for(
        self,
        step: str,
        product: str,
        number: HeldNumber,
        target: Iterable[str],
        before: Iterable[str],
    ) -> tuple[str, JobScript] | None:
        """The narrowest script that matches: one for this step before one for all steps.

        For unlinks, the removed id counts.
        """
        off = before if step == "unlink" else ()
        for subject in filter(None, (number.phone_number, *target, *off)):
            for name in (f"{step}_{product}", step):
                if (subject, name) in self.step_scripts:
                    return subject, self.step_scripts[subject, name]
        for subject in filter(None, (number.phone_number, *target)):
            if subject in self.scripts:
                return subject, self.scripts[subject]
        return None

    def start_sms(self, number: HeldNumber, target: SmsLink, now: datetime) -> None:
        """Replaces any job by one towards the target.

        First the result of an ended job becomes the stored link.
        """
        number.sms, _ = self.in_effect(number, now)
        number.sms_job = None
        if target == number.sms:
            return
        is_unlink = all(
            not asked or asked == linked for asked, linked in zip(target, number.sms, strict=True)
        )
        script = self._script_for(
            "unlink" if is_unlink else "link", "sms", number, target, number.sms
        )
        if self._switches.unlink_at_once and not target.service_plan_id and not target.campaign_id:
            self._tell(
                number, sms_events(Job(0, number.sms, target, target, now, Timing(0, 0))), now
            )
            number.sms = target
            return
        changes_campaign = target.campaign_id != number.sms.campaign_id
        timing = self._timing(
            script, self._switches.campaign_s if changes_campaign and target.campaign_id else 0.0
        )
        reached = target
        failed = script is not None and script[1].failed
        if script is not None and failed:
            # One combined status covers plan and campaign. If only the campaign fails, the plan is
            # still in effect (§6).
            half_done = script[0] == target.campaign_id and target.service_plan_id
            reached = (
                SmsLink(target.service_plan_id, number.sms.campaign_id) if half_done else number.sms
            )
        codes = (
            (script[1].error_codes or ("SMS_PROVISIONING_FAILED",))
            if script is not None and failed
            else ()
        )
        job = Job(next(self._serial), number.sms, target, reached, now, timing, failed, codes)
        number.sms_job = job
        self._at(job.ends_at, lambda at: self._sms_ended(number, job, at))

    def start_voice(self, number: HeldNumber, target: VoiceLink, now: datetime) -> None:
        """The same for voice."""
        _, number.voice = self.in_effect(number, now)
        number.voice_job = None
        if target == number.voice or (not target.id and not number.voice.id):
            return
        before = number.voice
        if self._switches.unlink_at_once and not target.id:
            self._tell(number, [Event("DEPROVISIONING_FROM_VOICE_PLATFORM", "SUCCEEDED")], now)
            number.voice = VoiceLink()
            return
        script = self._script_for(
            "link" if target.id else "unlink", "voice", number, [target.id], [before.id]
        )
        failed = script is not None and script[1].failed
        reached = before if failed else (target if target.id else VoiceLink())
        job = Job(
            next(self._serial), before, target, reached, now, self._timing(script, 0.0), failed
        )
        number.voice_job = job
        self._at(job.ends_at, lambda at: self._voice_ended(number, job, at))

    def _timing(self, script: tuple[str, JobScript] | None, extra_s: float) -> Timing:
        delay_s = script[1].delay_s if script is not None else 0.0
        slow_s = self._rng.uniform(0, self.extra_s) if self.extra_s else 0.0
        return Timing(
            self._switches.waiting_s, self._switches.in_progress_s + extra_s + delay_s + slow_s
        )

    def _sms_ended(self, number: HeldNumber, job: Job[SmsLink], at: datetime) -> None:
        if number.sms_job is not job:
            return
        self._tell(number, sms_events(job), at)
        if progress(job, at) is None:
            number.sms, number.sms_job = job.reached, None

    def _voice_ended(self, number: HeldNumber, job: Job[VoiceLink], at: datetime) -> None:
        if number.voice_job is not job:
            return
        self._tell(number, voice_events(job), at)
        if progress(job, at) is None:
            number.voice, number.voice_job = job.reached, None
