"""A proxy in front of a server that speaks S3: it counts requests, and refuses, breaks or delays some of them."""

import contextlib
import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@dataclass(slots=True)
class Request:
    """A request that came."""

    method: str
    path: str
    """Path and query, as they were sent."""

    @property
    def kind(self) -> str:
        """`LIST` for a listing, `DELETE` for one of many keys, else the method."""
        if self.method == "GET" and "list-type=2" in self.path:
            return "LIST"
        return "DELETE" if self.method == "POST" and self.path.endswith("?delete") else self.method


Verdict = Callable[[Request, int], str]
"""Function that says what becomes of the n-th request: `pass`, `slow down`, `reset`, `forbid`."""


@dataclass(slots=True)
class Proxy:
    """A running proxy."""

    endpoint: str
    """Its own URL."""
    requests: list[Request] = field(default_factory=list)
    """All requests so far."""
    verdict: Verdict = lambda _request, _number: "pass"
    """What becomes of each."""
    delay: float = 0.0
    """Seconds that each waits."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def counts(self) -> Counter[str]:
        """Count the requests by kind."""
        return Counter(request.kind for request in self.requests)

    def puts(self, ending: str = "") -> list[str]:
        """List the paths that were put."""
        return [each.path for each in self.requests if each.method == "PUT" and each.path.endswith(ending)]


class _Handler(BaseHTTPRequestHandler):
    """Answers of the proxy; `proxy` and `host` are set by a class of each proxy's own."""

    protocol_version = "HTTP/1.1"
    proxy: Proxy
    host: str

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path)
        with self.proxy.lock:
            self.proxy.requests.append(request)
            number = len(self.proxy.requests)
        if self.proxy.delay:
            time.sleep(self.proxy.delay)
        verdict = self.proxy.verdict(request, number)
        if verdict == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif verdict == "slow down":
            self._answer(503, SLOW_DOWN, {})
        elif verdict == "forbid":
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>", {})
        else:
            self._ask(body)

    def _ask(self, body: bytes) -> None:
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        self._answer(answer.status, content, dict(answer.getheaders()))

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815 - the names that the library asks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library has it
        del format, args

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        # Whoever asked may have been killed in the middle.
        with contextlib.suppress(OSError):
            super().finish()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of who went away in the middle."""
        del request, client_address


@contextlib.contextmanager
def s3_proxy(server: str) -> Iterator[Proxy]:
    """Run a proxy in front of a server, on loopback."""
    handler = type("Handler", (_Handler,), {"host": urlsplit(server).netloc})
    with _Server(("127.0.0.1", 0), handler) as listening:
        proxy = Proxy(f"http://127.0.0.1:{listening.server_address[1]}")
        handler.proxy = proxy  # type: ignore[attr-defined]
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown()
            thread.join()
