"""The guard of outgoing calls: where Plumbline may connect to, decided once and for the address that is then connected to.

A name is resolved here, every address it stands for is looked at, and the connection goes to one of those: a name that
answers differently the second time gains nothing. Loopback may be named as it is (`127.0.0.1`, `[::1]`, `localhost`); a name
that merely resolves to it, and every private, link-local or metadata address, is refused unless the receiver allows it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from monitor.errors import Undeliverable

LONGEST_WAIT: Final = timedelta(hours=1)
"""No attempt is put off, and no lease of one lasts, for longer than this."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Sequence[str]]
"""Return the addresses of a host; raises `OSError` where there are none."""

HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")
_INSIDE: Final = (ipaddress.ip_network("fec0::/10"), ipaddress.ip_network("3fff::/20"))
"""Site-local and documentation, which `is_global` of Python 3.11 lets pass."""


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Return what the resolver of this machine says."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Target:
    """Where to connect: `url` holds the address, `host` is the name that is asked for and that the certificate must carry."""

    url: str
    host: str
    server: str


@dataclass(frozen=True)
class Guard:
    """What one receiver may be reached by. Proxies of the environment are never used, `proxy` is; `ca` is a file of roots.

    `allow_private` is a word about one's own network, so that it permits http there, and nowhere else.
    """

    allow_http: bool = False
    allow_private: bool = False
    proxy: str | None = None
    ca: str | None = None

    def refusal(self, url: str) -> str:
        """Return why `url` is refused as it stands, without asking anybody; "" where it is not."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            port = parts.port
        except ValueError:
            return "not an http(s) address"
        if parts.scheme not in {"http", "https"} or not host or port == 0:
            return "not an http(s) address"
        if parts.username is not None:
            return "a name or password in the address is not sent"
        address = _literal(host)
        if parts.scheme == "http" and not self._in_the_clear(host, address):
            return "http goes in the clear (write https, or `allow_http: true`)"
        if address is not None and host not in HERE and not self._fits(address):
            return "this is a private address (`allow_private: true` allows it)"
        return ""

    def target(self, url: str, lookup: Lookup = addresses_of) -> Target:
        """Return where to connect for `url`. Raises `Undeliverable` where it is refused, `OSError` for an unknown name."""
        refused = self.refusal(url)
        if refused:
            raise Undeliverable(refused)
        parts = urlsplit(url)
        host = str(parts.hostname)
        if self.proxy:  # the proxy resolves, and says where it does not go
            return Target(url, parts.netloc, host)
        address = self.address(host, parts.port or (443 if parts.scheme == "https" else 80), lookup)
        if parts.scheme == "http" and not self._in_the_clear(host, ipaddress.ip_address(_bare(address))):
            raise Undeliverable("its name stands for an address of the open internet, and http goes in the clear")
        return Target(_at(parts, address), parts.netloc, host)

    def address(self, host: str, port: int, lookup: Lookup = addresses_of) -> str:
        """Return the address to connect to for `host`. Raises as `target` does."""
        found = lookup(host, port)
        private = [one for one in found if host not in HERE and not self._fits(ipaddress.ip_address(_bare(one)))]
        if private or not found:
            raise Undeliverable(
                "its name stands for a private address, or for none (`allow_private: true` allows private ones)"
            )
        return found[0]

    def _in_the_clear(self, host: str, address: Address | None) -> bool:
        """Whether http may be spoken to `host`; a name (None) is looked at again once it is resolved."""
        if self.allow_http or host in HERE:
            return True
        return self.allow_private and (address is None or not address.is_global)

    def _fits(self, address: Address) -> bool:
        """Whether `address` is of the open internet, in whatever form of IPv6 it is wrapped, or private ones are allowed."""
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
            if address in _NAT64 or (address in _COMPATIBLE and not address.is_loopback):
                inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                return self._fits(inner)
        if address.is_multicast or address.is_unspecified:
            return False
        return self.allow_private or (address.is_global and not any(address in inside for inside in _INSIDE))


OPEN: Final = Guard()
"""What is reached without a word in the settings: https to the open internet, and loopback."""


def _literal(host: str) -> Address | None:
    """Return the address that `host` is; forms such as 0x7f000001 or 127.1 are read as the resolver reads them."""
    try:
        return ipaddress.ip_address(_bare(host))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _bare(host: str) -> str:
    return host.partition("%")[0]


def _at(parts: SplitResult, address: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl()
