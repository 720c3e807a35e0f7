"""Which addresses a server may call on behalf of a setting, so that no URL reaches what is inside.

The form of a URL is checked when it is configured, each resolved address when a connection is
made. What is asked of a name server stands elsewhere: here are the rules alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}

# What `inet_aton` takes for an address though nobody reads it as one, as 2130706433 and 0x7f.1.
_ODD_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_UNSPEAKABLE = re.compile(r"[\x00-\x20\x7f\\]")
# Answers about the machine it is asked from, though its address is a public one: Azure's host.
_INSIDE = frozenset({ip_address("168.63.129.16")})
_SHARED = ip_network("100.64.0.0/10")
_UNIQUE_LOCAL = ip_network("fc00::/7")


class Forbidden(ValueError):
    """This URL or address may not be called; the text says what to do and holds no part of it."""


class Target(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str
    port: int


def target(url: str, *, local: bool = False) -> Target:
    """Where `url` leads, if its form and, where it names an address, that address is allowed.

    `local` allows addresses of this machine and of private networks. Raises Forbidden.
    """
    parts = _parts(url)
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in PORTS:
        raise Forbidden("must begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("must hold no user name and no password.")
    if parts.fragment or parts.query:
        raise Forbidden("must hold neither ? nor #.")
    if "[" in parts.netloc and _literal(host) is None:
        raise Forbidden("holds something else than an IPv6 address in brackets.")
    _check_host(host, local=local)
    return Target(scheme, host, _port(parts))


def _parts(url: str) -> SplitResult:
    if _UNSPEAKABLE.search(url) or not url.isascii():
        raise Forbidden("must be ASCII without blanks; write other names in their xn-- form.")
    try:
        return urlsplit(url)
    except ValueError:
        raise Forbidden("is no URL.") from None


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise Forbidden("has a port that is no port.") from None
    if port == 0:
        raise Forbidden("has a port that is no port.")
    return port or PORTS[parts.scheme]


def _check_host(host: str, *, local: bool) -> None:
    address = _literal(host)
    if address is not None:
        check([address], local=local)
    elif not _HOST.fullmatch(host):
        raise Forbidden("names no host.")
    elif _ODD_NUMBER.fullmatch(host):
        raise Forbidden("must write an address as four decimal numbers.")
    elif not local and host.rstrip(".").lower().endswith("localhost"):
        raise Forbidden("leads to this machine.")


def _literal(host: str) -> str | None:
    """The host if it is an address; a zone, which names a network card, is not part of a host."""
    try:
        return None if "%" in host else str(ip_address(host))
    except ValueError:
        return None


def check(addresses: Sequence[str], *, local: bool = False) -> list[str]:
    """The addresses of a host, if every single one may be called. Raises Forbidden.

    One that may not refuses them all: whoever mixes them means harm, or has made a mistake.
    """
    if not addresses:
        raise Forbidden("leads nowhere.")
    if not all(_allowed(address, local=local) for address in addresses):
        raise Forbidden("leads to an address that is not public.")
    return list(addresses)


def _allowed(text: str, *, local: bool) -> bool:
    try:
        address = _unwrapped(ip_address(text))
    except ValueError:
        return False
    return _is_public(address) or (local and _is_local(address))


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one of the form ::ffff:a.b.c.d stands for."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address in _INSIDE or not address.is_global or _is_special(address):
        return False
    if isinstance(address, IPv4Address):
        return True
    # These carry an IPv4 address to a gateway, which may well stand inside.
    return not (address.sixtofour or address.teredo or address.is_site_local)


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    if address.is_loopback:
        return True
    if isinstance(address, IPv6Address):
        return address in _UNIQUE_LOCAL
    return address in _SHARED or (address.is_private and not _is_special(address))


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    """No address of one machine, or, as link-local ones, where clouds keep their secrets."""
    return (
        address.is_multicast
        or address.is_reserved
        or address.is_link_local
        or address.is_unspecified
        or address.is_loopback
        or (isinstance(address, IPv4Address) and address in ip_network("0.0.0.0/8"))
    )
