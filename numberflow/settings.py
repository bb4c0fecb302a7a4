"""The environment as one frozen object. Nothing else reads the environment.

Not here: defaults of flows (in their signatures) and anything that opens a connection.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    AliasChoices,
    AliasGenerator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from numberflow.errors import BadInput, MissingCredentials

_CREDENTIALS = ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET")
# The vendor's own: their variables begin with SINCH_, all others with NUMBERFLOW_.
_SINCH = frozenset({
    "project_id", "key_id", "key_secret", "auth_url", "numbers_url", "imported_url",
    "link_targets_url",
    "callback_secret", "callback_secret_previous",
    "imported_callback_secret", "imported_callback_secret_previous",
})  # fmt: skip
# docs/vendor/link-targets.md.
_LINK_TARGET_HOSTS = {
    "provisioning": "https://provisioning.api.sinch.com",
    "campaigns": "https://us10dlc.numbers.api.sinch.com",
    "voice": "https://voice.api.sinch.com",
    "trunking": "https://elastic-trunking.api.sinch.com",
    "fax": "https://fax.api.sinch.com",
}
# A quarter of the default, for users who have measured how late the vendor's reads are. Only for a
# simulator on this machine may it be lower.
SETTLE_MIN_S = 30.0


class Rates(NamedTuple):
    """Requests per second to one host of the vendor: where the pace starts, and its limits."""

    start: float
    floor: float
    ceiling: float


def _variable(field: str) -> AliasChoices:
    """The variable that a field is read from."""
    name = f"{'sinch' if field in _SINCH else 'numberflow'}_{field}"
    return AliasChoices(name, name.upper())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".test"))


def _is_inside(host: str) -> bool:
    """Whether a host can only be one of this machine or network, by its address or name.

    What a name resolves to is up to the vendor, who looks it up.
    """
    try:
        address = ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        # A name without a dot, or one that resolvers read as a number (127.1, 0x7f.1).
        last = name.rpartition(".")[2]
        return last == name or name.endswith(_INSIDE_NAMES) or not last[:1].isalpha()
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not address.is_global or address.is_multicast


_INSIDE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".localdomain")

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
RatesText = Annotated[Rates, NoDecode]
NetworksText = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode]


class Settings(BaseSettings):
    """Everything that can be set from outside. Durations are seconds.

    Read from the environment and from `.env` in the working directory; the environment wins.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        alias_generator=AliasGenerator(validation_alias=_variable),
        # Names in code (populate_by_name) are looked up in the environment, too. Without a prefix
        # that means HOME, DATABASE_URL and PROJECT_ID, which belong to other programs: the journal
        # would go to whatever database they name.
        env_prefix="NUMBERFLOW_",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        case_sensitive=False,
    )

    project_id: str = ""
    key_id: str = ""
    key_secret: SecretStr = SecretStr("")
    auth_url: str = "https://auth.sinch.com"
    numbers_url: str = "https://numbers.api.sinch.com"
    imported_url: str = "https://imported.numbers.api.sinch.com"
    # One address under which the hosts of link targets are found (`link_target_urls`).
    link_targets_url: str = ""
    # A service plan or voice app that the vendor does not list may be older than its list
    # (docs/vendor/link-targets.md): a note, or no purchase.
    refuse_unlisted_links: bool = False
    # HMAC secrets of callbacks, one for each API; the receiver takes the previous ones, too.
    callback_secret: SecretStr = SecretStr("")
    callback_secret_previous: SecretStr = SecretStr("")
    imported_callback_secret: SecretStr = SecretStr("")
    imported_callback_secret_previous: SecretStr = SecretStr("")

    home: Path = Path("~/.numberflow")
    database_url: str = ""
    inventory_url: str = ""
    papers_url: str = ""
    # Of the receiver and of flow runs (`numberflow.logs`).
    # Spans of runs (`numberflow.traces`).
    traces: bool = False
    log_format: Literal["plain", "json"] = "plain"
    # Where the journal's marker is (`purchase.marker`); empty: the inventory store.
    marker_url: str = ""
    papers_anywhere: bool = False

    # Numbers that are never released: a paper of the store (`purchase.held.protected`).
    protected_numbers: str = "protected-numbers.yaml"
    protected_numbers_required: bool = False
    # More releases on one UTC day than this, or more of a project's numbers, need a person who
    # types their count. No source: large enough for what is given up on an ordinary day.
    release_limit_per_day: Count = 100
    release_percent_max: Annotated[int, Field(ge=0, le=100)] = 30

    # For a vendor within the own network; runs may then name addresses there, and http://.
    callback_anywhere: bool = False
    # Where the vendor reaches the receiver; `/callbacks/<project id>` is appended.
    callback_url: str = ""
    # Who may send callbacks; empty: everybody, for the signature decides. Behind a proxy every
    # sender has the proxy's address, so that a proxy must be named before a list can be trusted.
    callback_addresses: NetworksText = ()
    callback_proxies: NetworksText = ()
    callback_proxy_header: str = "X-Forwarded-For"

    # No source says how long the vendor's reads lag behind its writes; two minutes is far above
    # anything seen (assumed).
    settle_s: Seconds = 120.0
    # Longer than one costly call can take (connect + write + read timeouts), short enough that
    # another worker soon picks up the work of a dead one.
    lease_s: PositiveSeconds = 60.0
    # A worker starts a run in 4 to 14 s (seen with Prefect 3.9.1), and in a minute on busy cores.
    # Larger where a cluster has to fetch an image first.
    start_within_s: PositiveSeconds = 90.0
    # Rents were seen to take about 1 s (docs/vendor/numbers-behaviour.md §2); thirty times that is
    # lost, not slow.
    http_timeout_s: PositiveSeconds = 30.0

    # No host publishes a figure (docs/vendor/README.md, correction 11), so all but the token
    # endpoint's are assumed: start where no request was ever refused, slow down after a 429, and
    # speed up again while there is none.
    numbers_rate: RatesText = Rates(20.0, 1.0, 100.0)
    imported_rate: RatesText = Rates(10.0, 0.5, 50.0)
    # A bucket that is refilled with 10 a second (docs/vendor/numbers-behaviour.md §3).
    token_rate: RatesText = Rates(10.0, 0.5, 10.0)
    # A limit that lasts longer than 15 minutes is not somebody else's burst: a person should know.
    patience_s: Seconds = 900.0

    @field_validator("numbers_rate", "imported_rate", "token_rate", mode="before")
    @classmethod
    def _three_rates(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        try:
            rates = Rates(*(float(part) for part in parts))
        except (TypeError, ValueError):
            raise ValueError(
                "write start,floor,ceiling in requests per second, as in 20,1,100"
            ) from None
        if not 0 < rates.floor <= rates.start <= rates.ceiling < float("inf"):
            raise ValueError(
                "start,floor,ceiling: must be floor <= start <= ceiling, all greater than 0"
            )
        return rates

    @field_validator("auth_url", "numbers_url", "imported_url", "link_targets_url")
    @classmethod
    def _http_url(cls, value: str, info: ValidationInfo) -> str:
        may_be_empty = info.field_name == "link_targets_url"
        if not (may_be_empty and not value) and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        host = urlsplit(value).hostname or ""
        if value.startswith("http://") and f".{host}".endswith(".sinch.com"):
            raise ValueError("must start with https://, or the access key goes in clear")
        return value.rstrip("/")

    @field_validator("callback_url")
    @classmethod
    def _reachable(cls, value: str, info: ValidationInfo) -> str:
        parts = urlsplit(value)
        host = parts.hostname or ""
        anywhere = info.data.get("callback_anywhere") or _is_loopback(host)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and anywhere)
        if value and not (is_safe and host):
            raise ValueError("must start with https:// (http:// on this machine only)")
        if value and not anywhere and _is_inside(host):
            raise ValueError(
                "is an address of a private network, which the vendor cannot reach; name the "
                "outside one, or set NUMBERFLOW_CALLBACK_ANYWHERE=1"
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("takes no user, password, query or fragment: the vendor keeps it")
        return value.rstrip("/")

    @field_validator("callback_addresses", "callback_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
        except ValueError:
            raise ValueError(
                "write addresses or networks with commas between them, as in 10.0.0.7,10.1.0.0/16"
            ) from None

    @field_validator("home")
    @classmethod
    def _expanded(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def load(cls, *, may_lack_account: bool = False) -> Self:
        """Read the environment.

        Args:
            may_lack_account: the caller sends nothing to the vendor when no account is set: it
                starts its own simulator, or only looks. Then any settling time is accepted.

        Raises:
            BadInput: a variable has a value that cannot be used; the message names the variable.
        """
        try:
            settings = cls()
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = str(first["loc"][0]).upper() if first["loc"] else "environment"
            raise BadInput(
                f"{name}: {first['msg']}", field=name, remedy="correct or unset the variable"
            ) from None
        if settings.has_credentials or not may_lack_account:
            settings._check_settling()
        return settings

    def _check_settling(self) -> None:
        # Against a real host, late reads would prove that nothing was bought.
        host = urlsplit(self.numbers_url).hostname or ""
        if self.settle_s < SETTLE_MIN_S and not _is_loopback(host):
            raise BadInput(
                f"NUMBERFLOW_SETTLE_S: {self.settle_s:g} s is too short for {host}: a late read "
                "would count as proof of absence",
                field="NUMBERFLOW_SETTLE_S",
                remedy=f"set {SETTLE_MIN_S:g} or more, or unset it (120)",
            )

    @property
    def journal_url(self) -> str:
        """SQLAlchemy URL of the journal; SQLite under `home` by default."""
        return self.database_url or f"sqlite:///{self.home / 'numberflow.db'}"

    @property
    def inventory_root(self) -> str:
        """Folder or fsspec URL under which snapshots are published."""
        return self.inventory_url or str(self.home / "data")

    @property
    def marker_root(self) -> str:
        """Folder or fsspec URL of the journal's marker (`numberflow.purchase.marker`)."""
        return self.marker_url or self.inventory_root

    @property
    def link_target_urls(self) -> dict[str, str]:
        """The hosts where link targets are looked up, by the client's names of them.

        With `link_targets_url`, each is a path under it. Without, they are the vendor's own beside
        the vendor's own Numbers API; beside any other (a simulator, a proxy) there are none: a
        token of that one is not shown to the vendor.
        """
        if self.link_targets_url:
            return {name: f"{self.link_targets_url}/{name}" for name in _LINK_TARGET_HOSTS}
        own = type(self).model_fields["numbers_url"].default
        return dict(_LINK_TARGET_HOSTS) if self.numbers_url == own else {}

    @property
    def papers_root(self) -> str:
        """Folder or fsspec URL of the papers store (`numberflow.paper_store`)."""
        return self.papers_url or str(self.home / "papers")

    def require_callback(self, address: str | None) -> None:
        """Refuse a `callback_url` that is not https, or that leads into a private network.

        The vendor sends to it whatever it is: it must not become a way to reach what only the
        vendor, or we, can reach. A simulator on this machine may send anywhere.

        Args:
            address: as in the parameters of a run; None: none.

        Raises:
            BadInput: names the fix.
        """
        vendor = urlsplit(self.numbers_url).hostname or ""
        if address is None or self.callback_anywhere or _is_loopback(vendor):
            return
        parts = urlsplit(address)
        problem = ""
        if parts.scheme != "https":
            problem = "must start with https://, because others could read and change what is sent"
        elif _is_inside(parts.hostname or ""):
            problem = "leads to this machine or a private network"
        if problem:
            raise BadInput(
                f"callback_url: {problem}",
                field="callback_url",
                remedy="name an https:// address that the internet reaches; with "
                "NUMBERFLOW_CALLBACK_ANYWHERE=1 where the run works, any is taken",
            )

    def callback_url_of(self, project_id: str) -> str | None:
        """Where the receiver takes the callbacks of a project; None when that is not set."""
        if not self.callback_url:
            return None
        return f"{self.callback_url}/callbacks/{quote(project_id, safe='')}"

    @property
    def has_credentials(self) -> bool:
        """Whether project, key id and key secret are all set."""
        return bool(self.project_id and self.key_id and self.key_secret.get_secret_value())

    def require_credentials(self) -> None:
        """Say what is missing before anything is tried.

        Raises:
            MissingCredentials: names the variables that are not set and offers the simulator.
        """
        if self.has_credentials:
            return
        values = (self.project_id, self.key_id, self.key_secret.get_secret_value())
        missing = [name for name, value in zip(_CREDENTIALS, values, strict=True) if not value]
        raise MissingCredentials(
            f"No Sinch account is configured: {', '.join(missing)} not set.",
            field=missing[0],
            remedy=(
                "set the three variables (dashboard.sinch.com → Settings → Access keys), or try "
                "without an account: run `numberflow simulator` and set the environment it prints"
            ),
        )
