"""Every disputed or assumed point of the contract that users can choose, with default and reason.

Only choices about what the *vendor* does belong here. Misbehaviour of the network is in faults.py.
Numbers in brackets point at the table "Not known" of docs/vendor/numbers-behaviour.md, § at its
sections; "imported §" at sections of docs/vendor/imported-hosting-behaviour.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """One choice: its default, its meaning, and the values that it accepts.

    Those are `choices`, or any value of the default's type. `decimal` marks an amount of money as
    text.
    """

    default: Any
    about: str
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    decimal: bool = False


SWITCHES: dict[str, Switch] = {
    "page_tokens": Switch(
        "url_safe",
        "url_safe: page tokens survive a client that forgets to encode. harsh: they contain + / "
        "and =, as the vendor's can.",
        ("url_safe", "harsh"),
    ),
    "page_tokens_by_offset": Switch(
        False,
        "True: a token is a position in the list, so numbers gained or lost while paging make a "
        "client see one twice or miss one."
        " False: a token is the last key seen (assumed).",
    ),
    "page_size_default": Switch(
        20, "Items per page when pageSize is absent (assumed) [8].", minimum=1
    ),
    "page_size_max": Switch(
        100, "pageSize and size beyond this are clamped silently (assumed) [8].", minimum=1
    ),
    "legacy_mobile_default": Switch(
        False,
        "True: activeNumbers without type lists MOBILE only, as older documents say. Live replies "
        "had LOCAL numbers (§4).",
    ),
    "legacy_rent_everywhere": Switch(
        False,
        "True: :rent works outside US LOCAL, as the vendor's skill says; the newest documents "
        "limit it [11].",
    ),
    "allow_direct_relink": Switch(
        False,
        "True: a PATCH may replace a linked service plan or campaign without unlinking first (SDK "
        "mocks, §7).",
    ),
    "refuse_direct_voice_change": Switch(
        False,
        "True: voice, too, must be unlinked before another application is linked (README, "
        "correction 3).",
    ),
    "refusals_use_failed_precondition": Switch(
        False,
        "True: a refusal for the state of things says FAILED_PRECONDITION instead of "
        "INVALID_ARGUMENT (README, correction 4).",
    ),
    "insufficient_balance_402": Switch(
        False, "True: lack of credit answers 402 instead of 400 (§5) [5]."
    ),
    "unlink_at_once": Switch(
        False,
        "True: unlinking takes effect in the reply. False: it is a background job like linking "
        "(assumed, the stricter reading).",
    ),
    "conflict_while_job_runs": Switch(
        False,
        "True: PATCH on a number whose link job is running answers 409 ABORTED. No document has a "
        "409 [6].",
    ),
    "second_release": Switch(
        "same",
        "What releasing a released number gives: same (200, same expireAt), not_found (404) or "
        "refused (400) [4].",
        ("same", "not_found", "refused"),
    ),
    "return_to_stock_after_s": Switch(
        0.0,
        "Seconds between expiry and being for sale again; real life likely has a quarantine [31].",
        minimum=0,
    ),
    "waiting_s": Switch(1.0, "Seconds a link job stays WAITING (assumed) [1].", minimum=0),
    "in_progress_s": Switch(2.0, "Seconds a link job stays IN_PROGRESS (assumed) [1].", minimum=0),
    "campaign_s": Switch(
        5.0, "Seconds that a campaign adds to a link job (assumed, §6).", minimum=0
    ),
    "reservation_s": Switch(
        172_800,
        "Seconds that a number order reserves its numbers; documented are 1800 to 172800 [21].",
        minimum=60,
    ),
    "review_s": Switch(
        86_400,
        "Seconds a review of a number order takes unless it is scripted (assumed) [24].",
        minimum=0,
    ),
    "blocked_patience_s": Switch(
        0,
        "Seconds after which an unanswered BLOCKED order is REJECTED; 0: never (assumed, §10).",
        minimum=0,
    ),
    "reservation_lapses_in_review": Switch(
        False,
        "True: an order that is in review or blocked when its reservation ends becomes EXPIRED "
        "(§10).",
    ),
    "order_expire_time_after_submit": Switch(
        "kept",
        "expireTime of an order that was submitted: kept, or null as the schema allows [21].",
        ("kept", "null"),
    ),
    "order_taken_number": Switch(
        "bad_request",
        "An order for a number that is gone: bad_request (400; README, correction 5) or not_found "
        "(404) [15].",
        ("bad_request", "not_found"),
    ),
    "order_short_stock": Switch(
        "refused",
        "An order for more numbers than there are: refused (400), or partial: reserves what there "
        "is [15].",
        ("refused", "partial"),
    ),
    "order_sequence_impossible": Switch(
        "refused",
        "A sequential order when no run is long enough: refused (400), or ignored: takes any "
        "numbers [15].",
        ("refused", "ignored"),
    ),
    "order_incomplete_submit": Switch(
        "refused",
        "Submitting without registration or files: refused (400), or blocked: 200, and the review "
        "ends BLOCKED [16].",
        ("refused", "blocked"),
    ),
    "order_second_submit": Switch(
        "same",
        "Submitting an order in review or completed: same (200, nothing happens) or refused (400) "
        "[16].",
        ("same", "refused"),
    ),
    "order_registration_in_review": Switch(
        False, "True: registration data may be replaced during review [17]."
    ),
    "order_blocked_resume": Switch(
        "submit",
        "How a BLOCKED order goes on: submit again, or registration: new registration data alone "
        "are enough [17].",
        ("submit", "registration"),
    ),
    "order_top_level_data": Switch(
        False, "True: registration accepts data at the top level too, as older documents say (§10)."
    ),
    "order_without_requirements": Switch(
        "submit",
        "An order of a kind without requirements: submit directly, or registration_first: some "
        "registration is needed [23].",
        ("submit", "registration_first"),
    ),
    "order_charged_at": Switch(
        "completed",
        "When an order is charged: completed, or submitted, then without refund whatever the "
        "review says [20].",
        ("completed", "submitted"),
    ),
    "order_callback_copied": Switch(
        True, "True: the numbers of an order get its callbackUrl (assumed, §16)."
    ),
    "order_callback_any_text": Switch(
        False,
        "True: callbackUrl of an order may be any text; False: it must be http or https [29].",
    ),
    "attachment_max_bytes": Switch(
        10_485_760, "Largest file of an order in bytes, else 413 (assumed) [19].", minimum=0
    ),
    "attachment_processing_s": Switch(
        5.0,
        "Seconds an uploaded file stays WAITING before COMPLETED or FAILED (assumed, §10).",
        minimum=0,
    ),
    "attachment_again": Switch(
        "replaces",
        "Uploading a file a second time: replaces the first, or refused (400) [19].",
        ("replaces", "refused"),
    ),
    "attachment_ids_differ": Switch(
        False,
        "True: the registration shows files under ids of its own, as the formats in the samples "
        "suggest (§10).",
    ),
    "registration_lists_missing_files": Switch(
        False,
        "True: the registration also lists required files that are not there yet, as older SDK "
        "models read (§10).",
    ),
    "emergency_feature": Switch(
        False,
        "True: US and CA numbers with voice have the emergency feature unless a script says "
        "otherwise [25].",
    ),
    "emergency_unset": Switch(
        "not_found",
        "Reading the emergency address of a number that has none: not_found (404, empty message) "
        "or empty (200, empty text) [25].",
        ("not_found", "empty"),
    ),
    "emergency_no_match": Switch(
        "refused",
        "Provisioning an address that is not found: refused (400), or stored as given (§11).",
        ("refused", "stored"),
    ),
    "emergency_near_match": Switch(
        "corrected",
        "Provisioning a nearly right address: stored corrected, stored as_given, or refused (400) "
        "(§11).",
        ("corrected", "as_given", "refused"),
    ),
    "emergency_unused_correction": Switch(
        "empty_text",
        "correctedAddress when there is nothing to correct: empty_text in every member as in SDK "
        "mocks, or empty_object (§11).",
        ("empty_text", "empty_object"),
    ),
    "emergency_delay_s": Switch(
        0.0,
        "Seconds until a new or removed emergency address is what reads show (assumed: at once) "
        "[25].",
        minimum=0,
    ),
    "imported_all_nested": Switch(
        False,
        "True: all errors of the imported-numbers API are nested; False: flat where documented "
        "(imported §8).",
    ),
    "imported_lists_lenient": Switch(
        False,
        "True: its lists do without servicePlanId and campaignId; False: 400 as the reference has "
        "them (imported §7).",
    ),
    "imported_ids_at_once": Switch(
        True,
        "True: an imported number shows the plan and campaign that were asked for; False: they "
        "move up when done (imported §4).",
    ),
    "imported_rate_limit": Switch(
        False,
        "True: 10 requests per second with a token, 1 with Basic, then 429 with Retry-After "
        "(imported §18).",
    ),
    "imported_rate_per_s": Switch(
        10.0, "Requests per second of that limit, and its burst (imported §18).", minimum=0
    ),
    "imported_rate_retry_after_s": Switch(
        1, "Retry-After of that 429 in seconds; 0 leaves the header out (imported §18).", minimum=0
    ),
    "imported_delete_body": Switch(False, "True: DELETE answers {}; False: nothing (imported §2)."),
    "imported_numbers_max": Switch(
        5, "Numbers per :importNumbers; the account manager can raise it (imported §7).", minimum=1
    ),
    "imported_platform_s": Switch(
        5.0, "Seconds to link an imported number to a service plan (imported §16).", minimum=0
    ),
    "imported_campaign_s": Switch(
        1_800.0, "Seconds to link one to a campaign (imported §16).", minimum=0
    ),
    "imported_unlink_s": Switch(5.0, "Seconds to unlink one (imported §16).", minimum=0),
    "open_order_conflicts": Switch(
        True,
        "True: a number in an open order cannot be ordered again (409); False: only an imported "
        "one (imported §8).",
    ),
    "imported_number_cost": Switch(
        "0.00",
        "What importing or text-enabling a number costs, charged at once; no price is published "
        "(imported §15).",
        decimal=True,
    ),
    "voice_challenge_cost": Switch(
        "0.00", "What one call with a code costs (imported §15).", decimal=True
    ),
    "campaign_link_cost": Switch(
        "0.00",
        "What linking to a campaign costs; without credit it fails INSUFFICIENT_BALANCE (imported "
        "§15).",
        decimal=True,
    ),
    "campaign_numbers_max": Switch(
        50,
        "Imported numbers that a campaign takes; one more fails EXCEEDED_10DLC_LIMIT (imported "
        "§7).",
        minimum=0,
    ),
    "qualification_check_s": Switch(
        30, "Seconds of the eligibility check (imported §16).", minimum=0
    ),
    "voice_code_life_s": Switch(
        600, "Seconds that a spoken code is good (imported §16).", minimum=1
    ),
    "voice_code_tries": Switch(
        3, "Failed tries until VERIFICATION_BLOCKED (imported §16).", minimum=1
    ),
    "voice_code_survives_wrong_try": Switch(
        False,
        "True: after a wrong code another try is allowed; False: only after another call "
        "(imported §3).",
    ),
    "wrong_voice_code": Switch(
        "state",
        "A wrong code answers: state (200, VERIFICATION_FAILED) or refused (400) (imported §18).",
        ("state", "refused"),
    ),
    "invoice_review_business_days": Switch(
        2, "Business days until invoices are decided (imported §16).", minimum=0
    ),
    "invoices_leave_eligible": Switch(
        False,
        "True: accepted invoices leave the number ELIGIBLE with ownershipVerification DONE; "
        "False: VERIFIED (imported §3).",
    ),
    "text_enable_from_eligible": Switch(
        False,
        "True: ELIGIBLE numbers can be text-enabled without proof of ownership (imported §3).",
    ),
    "blanket_loa": Switch(
        False, "True: the account has a blanket LOA; False: an order with one is 400 (imported §5)."
    ),
    "hosting_submitted_s": Switch(
        60, "Seconds a hosting order stays SUBMITTED (imported §16).", minimum=0
    ),
    "hosting_osr_s": Switch(
        14_400, "Seconds of the registry change of a local number (imported §16).", minimum=0
    ),
    "toll_free_osr_business_days": Switch(
        2, "Business days of the registry change of a toll-free number (imported §16).", minimum=0
    ),
    "loa_life_s": Switch(
        2_592_000,
        "Seconds until an unsigned LOA runs out and the order is REJECTED (imported §16).",
        minimum=1,
    ),
    "loa_echo": Switch(
        "textEnableInfo",
        "Where an order shows its LOA: textEnableInfo as the schema has it, or hostingOrderInfo "
        "as samples do (imported §14).",
        ("textEnableInfo", "hostingOrderInfo"),
    ),
    "loa_type_upper": Switch(
        False, "True: loaType is DIRECT or RESELLER; False: Direct or Reseller (imported §14)."
    ),
    "hosting_event_resource": Switch(
        "number",
        "resourceId of a hosting order's events: number, or order for the order's id (imported "
        "§12).",
        ("number", "order"),
    ),
    "error_shape": Switch(
        "nested",
        "Errors of the Numbers API: nested; without_status: only code and message inside; flat: "
        "code as text, error, message"
        " (README, correction 15).",
        ("nested", "without_status", "flat"),
    ),
    "documents_flag_everywhere": Switch(
        True,
        "True: every search result says supportingDocumentationRequired, as live US numbers do "
        "though they can be rented;"
        " False: only kinds that need papers (README, correction 12).",
    ),
    "refused_credentials": Switch(
        401,
        "Status for a key, secret or token that is not accepted: 401, or 403 as the document has "
        "it; an expired token is"
        " always 401 (README, correction 17).",
        (401, 403),
    ),
    "odd_region": Switch(
        "refused",
        "regionCode unknown or in lower case: refused (400), or nothing: nothing is found there "
        "(assumed; README, correction 18).",
        ("refused", "nothing"),
    ),
    "odd_size": Switch(
        "refused",
        "size or pageSize below 1: refused (400), or default: as if it were absent (assumed; "
        "README, correction 18).",
        ("refused", "default"),
    ),
    "odd_pattern": Switch(
        "refused",
        "A pattern of a bare plus, or of a plus without a country code (+0…): refused (400), or "
        "nothing: nothing is found"
        " (assumed; README, correction 18).",
        ("refused", "nothing"),
    ),
    "basic_read_only": Switch(
        False,
        "True: HTTP Basic gets 403 on POST, PATCH, PUT and DELETE; seen on DELETE of a sibling "
        "API (§2).",
    ),
    "basic_burst": Switch(
        50,
        "Requests over HTTP Basic before 429; the vendor's own script needs 50 (README, "
        "correction 9).",
        minimum=1,
    ),
    "basic_per_s": Switch(
        5.0,
        "Requests per second over HTTP Basic after the burst (assumed: the figures are "
        "unpublished).",
        minimum=0,
    ),
    "rate_limit": Switch(
        False,
        "True: 20 requests per second with a burst of 40 per project, then 429 (assumed, §3) [7].",
    ),
    "rate_limit_per_s": Switch(20.0, "Requests per second of that limit (assumed) [7].", minimum=0),
    "rate_limit_burst": Switch(40, "Requests at once of that limit (assumed) [7].", minimum=1),
    "rate_limit_body": Switch(
        "status",
        "A 429 of any host says: status (RESOURCE_EXHAUSTED), or message (code and Over limit; "
        "README, correction 15).",
        ("status", "message"),
    ),
    "rate_limit_retry_after_s": Switch(
        0, "Retry-After of that 429 in seconds; 0 leaves the header out (assumed) [7].", minimum=0
    ),
    "comma_joined_lists": Switch(
        False,
        "True: types=LOCAL,MOBILE is split like repeated keys. The Node SDK sends that; no "
        "document allows it (§17).",
    ),
    "regions_trim_types": Switch(
        False,
        "True: availableRegions filtered by types lists only those types of each region (§17).",
    ),
    "link_targets": Switch(
        "any",
        "any: every id of an SMS app, campaign, service or trunk that is looked up is there and "
        "usable, unless the control port says otherwise; listed: only those that are listed "
        "(link-targets).",
        ("any", "listed"),
    ),
    "link_targets_right": Switch(
        "granted",
        "The right of the key to those products: granted, forbidden (403), or hidden (404 on "
        "everything) (link-targets).",
        ("granted", "forbidden", "hidden"),
    ),
    "callback_configuration_404": Switch(
        False,
        "True: callbackConfiguration of another project answers 404 as in SDK mocks; False: 403 "
        "as documented (§15).",
    ),
}


class Switches:
    """The current value of every switch, as attributes.

    `set` changes them, and refuses invalid values.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values: dict[str, Any] = {name: switch.default for name, switch in SWITCHES.items()}
        for name, value in (values or {}).items():
            self.set(name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def set(self, name: str, value: Any) -> None:
        """Changes one switch.

        Raises ValueError, naming the switch, for an unknown name or a value it cannot take.
        """
        switch = SWITCHES.get(name)
        if switch is None:
            raise ValueError(
                f"no switch is called {name!r}; there are {', '.join(sorted(SWITCHES))}"
            )
        if switch.choices and value not in switch.choices:
            raise ValueError(
                f"{name} takes one of {', '.join(map(str, switch.choices))}, not {value!r}"
            )
        if isinstance(switch.default, bool) != isinstance(value, bool):
            raise ValueError(f"{name} takes a {type(switch.default).__name__}, not {value!r}")
        if not isinstance(switch.default, str):
            kind = int if isinstance(switch.default, int) else (int, float)
            if not isinstance(value, kind):
                # A ValueError like every other refusal here, whatever is wrong with the value.
                raise ValueError(  # noqa: TRY004
                    f"{name} takes a {'whole ' if kind is int else ''}number, not {value!r}"
                )
        if switch.decimal and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,4})?", str(value)):
            raise ValueError(f"{name} takes a decimal amount as text, not {value!r}")
        if switch.minimum is not None and value < switch.minimum:
            raise ValueError(f"{name} is at least {switch.minimum:g}, not {value!r}")
        self._values[name] = value

    def as_dict(self) -> dict[str, Any]:
        """All switches and their values."""
        return dict(self._values)
