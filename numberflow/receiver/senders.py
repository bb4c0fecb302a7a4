"""Who may send callbacks: the address list, and what a proxy says of an address.

Off unless `NUMBERFLOW_CALLBACK_ADDRESSES` is set: the signature decides, and the vendor's addresses
may change without a word to us. Behind a proxy the sender's address is the proxy's own, so its
header is believed, but only from a proxy that is named, and only as far as named proxies wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from numberflow.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Senders:
    """The rule of one receiver."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.callback_addresses
        self._proxies = settings.callback_proxies
        self.header = settings.callback_proxy_header

    def may_send(self, peer: str | None, forwarded: Sequence[str]) -> bool:
        """Whether callbacks are taken from here.

        Args:
            peer: the address of the connection.
            forwarded: the values of `header`, in the order of the request.
        """
        if not self._allowed:
            return True
        sender = self._sender(peer, forwarded)
        return sender is not None and _is_in(sender, self._allowed)

    def _sender(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """The first address, seen from here, that is no proxy of ours; None when there is none."""
        hops = [hop for value in forwarded for hop in value.split(",")]
        for hop in (peer or "", *reversed(hops)):
            address = _address(hop)
            if address is None or not _is_in(address, self._proxies):
                return address
        return None


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    """An address as proxies write it: some add the port, and a v6 one then stands in brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
