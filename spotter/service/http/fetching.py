"""Fetches pictures from URLs, where the operator allows it.

The URL is the client's, and the service may be able to reach networks that the client cannot
(server-side request forgery). So only public IP addresses are connected to. They are checked after name resolution and
again at each redirect, and the connection uses the address that was checked.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable

from spotter.service.errors import TooManyBytesError, UrlNotReadError

REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
_CHUNK = 1 << 16
_LENGTH = 4096
_MOVED = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is public, including IPv4 addresses that are embedded in IPv6 ones."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if within is None and ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within is not None:
            return within.is_global and not within.is_multicast
    return ip.is_global and not ip.is_multicast


class Fetch:
    """Fetches one picture: `run` on one thread, `abort` from any other."""

    def __init__(
        self,
        url: str,
        limit: int,
        seconds: float,
        permitted: Callable[[str, int], bool] = lambda address, port: is_public(address) and port in PORTS.values(),
    ) -> None:
        """limit: bytes. permitted: whether an address and port may be connected to."""
        self._url, self._limit, self._permitted = url, limit, permitted
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    def run(self) -> bytes:
        """The bytes. Raises UrlNotReadError or TooManyBytesError."""
        url = self._url
        try:
            for _ in range(REDIRECTS + 1):
                found = self._get(url)
                if isinstance(found, bytes):
                    return found
                url = urllib.parse.urljoin(url, found)
            raise UrlNotReadError(f"it leads on more than {REDIRECTS} times")
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = self._aborted or time.monotonic() >= self._until
            reason = "did not answer in time" if late else f"cannot be read: {type(error).__name__}"
            raise UrlNotReadError(f"the address {reason}") from None
        finally:
            self._close()

    def abort(self) -> None:
        """Aborts it, whatever it waits for except name resolution."""
        self._aborted = True
        self._close()

    def _get(self, url: str) -> bytes | str:
        """The bytes, or the URL of a redirect."""
        scheme, host, port, path = _parts(url)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = self._connect(scheme, host, port)
        shown = f"[{host}]" if ":" in host else host
        name = shown if port == PORTS[scheme] else f"{shown}:{port}"
        headers = {"Host": name, "User-Agent": "spotter", "Accept": "image/*, application/pdf"}
        connection.request("GET", path, headers={**headers, "Accept-Encoding": "identity"})
        with contextlib.closing(connection.getresponse()) as response:
            if response.status in _MOVED and (further := response.headers.get("Location")):
                return further
            if response.status != 200:
                raise UrlNotReadError(f"the address answers {response.status}")
            parts, count = [], 0
            while chunk := response.read1(_CHUNK):
                parts.append(chunk)
                count += len(chunk)
                if count > self._limit:
                    raise TooManyBytesError(f"what the address answers has more than {self._limit} bytes")
                self._within_time()
            if response.length:  # the body is shorter than announced
                raise http.client.IncompleteRead(b"", response.length)
            return b"".join(parts)

    def _connect(self, scheme: str, host: str, port: int) -> socket.socket:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise UrlNotReadError(f"the name {host[:64]} is not known") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not addresses or not all(self._permitted(address, port) for address in addresses):
            raise UrlNotReadError("only public addresses are read, on their usual ports")
        opened = socket.create_connection((addresses[0], port), self._within_time())
        self._hold(opened)
        if scheme == "https":
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
            self._hold(opened)
        return opened

    def _hold(self, opened: socket.socket) -> None:
        with self._lock:
            former, self._socket = self._socket, opened
        if former is not None:  # the connection before a redirect, or the one that TLS wraps now
            former.close()
        if self._aborted:
            self._close()

    def _within_time(self) -> float:
        """The seconds left; also sets the timeout of the next wait."""
        left = self._until - time.monotonic()
        if left <= 0 or self._aborted:
            raise TimeoutError
        if self._socket is not None:
            self._socket.settimeout(left)
        return left

    def _close(self) -> None:
        with self._lock:
            opened, self._socket = self._socket, None
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


def _parts(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, and path with its query. Raises UrlNotReadError."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
        if len(url) > _LENGTH or parts.scheme not in PORTS or not host or parts.username is not None:
            raise ValueError
        host = host if host.isascii() else host.encode("idna").decode()
        path = urllib.parse.quote(parts.path or "/", "/%:@!$&'()*+,;=~-._")
        query = urllib.parse.quote(parts.query, "/?%:@!$&'()*+,;=~-._")
    except ValueError:  # a UnicodeError among them
        raise UrlNotReadError("it is no http:// or https:// address, without a user's name") from None
    return parts.scheme, host, port or PORTS[parts.scheme], f"{path}?{query}" if query else path
