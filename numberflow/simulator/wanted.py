"""What a renter asks for besides the number: links, name and callback address."""

from dataclasses import dataclass, replace

from numberflow.simulator.provisioning import VoiceLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The links and address of a rent or update. None: not given."""

    service_plan_id: str | None = None
    campaign_id: str | None = None
    voice: VoiceLink | None = None
    callback_url: str | None = None
    display_name: str | None = None

    def without_callback(self) -> "Wanted":
        """The same without its callback address."""
        return replace(self, callback_url=None)
