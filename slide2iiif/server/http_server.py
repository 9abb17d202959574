"""HTTP server of the preview: connections, headers and the check of the Host header."""

import hashlib
import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from slide2iiif.errors import TargetError, UsageError
from slide2iiif.server.routes import Answer, Site, Tree
from slide2iiif.stores import open_store

_ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}
_METHODS = "GET, HEAD, OPTIONS"
_IDLE_SECONDS = 30.0
CONNECTIONS = 128
"""Most connections at once, and threads with them; a browser has six. For one more the oldest is ended."""
_LOOK_SECONDS = 0.02
_HTTP_PORT = 80

Log = Callable[[str], None]
"""Function that takes one line for each request."""


class PreviewServer:
    """A running preview; close it, or use it in a `with` block. Made by `open_preview`."""

    def __init__(self, server: "_Server") -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="preview", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the list of slides, with a slash at the end."""
        return f"{self._server.origin}/"

    def wait(self) -> None:
        """Block until the server is closed; KeyboardInterrupt is not held back."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving and release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_preview(root: Path, *, host: str = "127.0.0.1", port: int = 8000, log: Log | None = None) -> PreviewServer:
    """Serve a tree until the preview is closed.

    Args:
        root: root of the tree.
        host: address to listen on; any but a loopback address shows the slides to others.
        port: TCP port; 0 picks a free one.
        log: function that takes a line for each request, from several threads.

    Raises:
        UsageError: the folder does not exist, or the address cannot be used.
    """
    if not root.is_dir():
        raise UsageError(f"no folder to preview at {root}; export slides to it first")
    try:
        return PreviewServer(_Server(root, host, port, log))
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error}; choose another port") from error


class _Server(ThreadingHTTPServer):
    """Listening socket of a preview, with the host names that it answers to."""

    request_queue_size = 64
    """Length of the backlog: viewers open many connections at once, and the base class allows five."""

    def __init__(self, root: Path, host: str, port: int, log: Log | None) -> None:
        self.tree = Tree(open_store(root).public)
        self.log = log
        self._slots = threading.Semaphore(CONNECTIONS)
        self._open: dict[socket.socket, None] = {}
        """Connections, the oldest first."""
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        address = ipaddress.ip_address(str(self.server_address[0]))
        self.is_private = address.is_loopback
        anywhere = "::1" if self.address_family == socket.AF_INET6 else "127.0.0.1"
        name = anywhere if address.is_unspecified else str(address)
        self.origin = f"http://{_authority((name, self.server_address[1]))}"

    def server_bind(self) -> None:
        """Bind without a lookup of the host name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own, for which the oldest connection makes room if need be.

        It may be one that sends nothing, or a byte now and then: whoever comes last is never kept waiting by those.
        """
        has_slot = self._slots.acquire(blocking=False)
        while not has_slot:
            self._end_oldest()
            has_slot = self._slots.acquire(timeout=_LOOK_SECONDS)
        with self._lock:
            self._open[request] = None
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection to its end, and make room for another one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(request, None)
        self._slots.release()

    def _end_oldest(self) -> None:
        with self._lock:
            oldest = next(iter(self._open), None)
            if oldest is not None:
                del self._open[oldest]
                # Its thread reads the end of it, and closes it.
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the error of a connection, mostly caused by the client; the base class would print a traceback."""
        del request
        if self.log is not None:
            self.log(f"connection from {client_address[0]} failed: {sys.exception()!r}")

    def origin_for(self, host: str | None, reached: Any) -> str | None:
        """Return the origin to write in documents.

        A `Host` header is accepted only if it names this computer: any web site could point a name of its own here
        and read the slides through the browser of a visitor (DNS rebinding).

        Args:
            host: Host header; None if the request has none.
            reached: local socket address of the connection.

        Returns:
            The origin; None if a loopback server was requested under a foreign name.
        """
        own = _authority(reached)
        port = self.server_address[1]
        plain = {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")}
        if port == _HTTP_PORT:
            plain |= {"localhost", "127.0.0.1", "[::1]"}
        if host is not None and host.lower() in plain:
            return f"http://{host.lower()}"
        if self.is_private and host is not None and host.lower() != own:
            return None
        return f"http://{own}"


class _Handler(BaseHTTPRequestHandler):
    """Handler of the requests of one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    """HTTP version for requests that state none; the default of the base class would omit the headers."""
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer with the content; `_send` leaves out the body of a HEAD request."""
        answer = self._answer()
        if answer.status is HTTPStatus.OK:
            etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
            headers = {**answer.headers, "ETag": etag}
            if _matches(self.headers.get("If-None-Match"), etag):
                answer = Answer(HTTPStatus.NOT_MODIFIED, headers=headers)
            else:
                answer = replace(answer, headers=headers)
        self._send(answer)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self.do_GET()

    def do_OPTIONS(self) -> None:
        """Answer a CORS preflight request for any path."""
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": "*",
            "Access-Control-Max-Age": "86400",
            "Allow": _METHODS,
        }
        self._send(Answer(HTTPStatus.NO_CONTENT, headers=headers))

    def do_POST(self) -> None:
        """Refuse: the preview is read-only."""
        self._send(_refusal(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": _METHODS}))

    def do_PUT(self) -> None:
        """Refuse: the preview is read-only."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Refuse: the preview is read-only."""
        self.do_POST()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that the base class could not parse, in the form of all refusals."""
        del message, explain  # they quote the request
        self._send(_refusal(HTTPStatus(code), {}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class calls it so
        """Write a line to the log, if there is one, with control characters escaped."""
        if self.server.log is not None:
            self.server.log((format % args).encode("unicode_escape").decode("ascii"))

    def _answer(self) -> Answer:
        origin = self.server.origin_for(self.headers.get("Host"), self.connection.getsockname())
        if origin is None:
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST, {})
        raw = self.path.partition("?")[0]
        if not raw.startswith("/"):
            return _refusal(HTTPStatus.BAD_REQUEST, {})
        answer = None
        # A file that cannot be read, or was deleted after it was found, is answered like a missing one.
        with suppress(OSError, TargetError):
            answer = Site(self.server.tree, origin).answer(raw, self.headers.get("Accept", ""))
        return answer or _refusal(HTTPStatus.NOT_FOUND, {})

    def _send(self, answer: Answer) -> None:
        has_body = answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        if answer.status >= HTTPStatus.BAD_REQUEST:
            # A refused request may have a body, which is not read.
            self.close_connection = True
        headers = {**_ALWAYS, **answer.headers}
        if has_body:
            headers |= {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        if self.close_connection:
            headers["Connection"] = "close"
        with suppress(ConnectionError):
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if has_body and self.command != "HEAD":
                self.wfile.write(answer.body)


def _refusal(status: HTTPStatus, headers: dict[str, str]) -> Answer:
    return Answer(status, f"{status.value} {status.phrase}\n".encode(), headers=headers)


def _matches(condition: str | None, etag: str) -> bool:
    """Return True if If-None-Match has this ETag (RFC 9110, section 13.1.2)."""
    if condition is None:
        return False
    return any(entry.strip().removeprefix("W/") in {etag, "*"} for entry in condition.split(","))


def _authority(address: Any) -> str:
    """Format a socket address as the authority of a URL."""
    host, port = address[:2]
    name = f"[{host}]" if ":" in host else host
    return name if port == _HTTP_PORT else f"{name}:{port}"
