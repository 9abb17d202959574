"""The preview, over real HTTP on this computer."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from patience import PATIENCE
from serving import free_port

from slide2iiif.errors import UsageError
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.identifiers import decode_identifier
from slide2iiif.iiif.info import ImageService, other_document_name, write_info
from slide2iiif.iiif.paths import pictures, tile_paths
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.server import VERSION_3_PREFIX, PreviewServer, open_preview
from slide2iiif.server import routes as preview_site
from slide2iiif.server.http_server import CONNECTIONS

BASE_URL = "https://slides.example.org/iiif"
PYRAMID = plan_pyramid(Size(1000, 700), 256)
SLIDE = "dir2/image3.svs"
SECRET = b"nobody may read this"


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends request lines as they are given."""

    def __init__(self, server: PreviewServer) -> None:
        self.url = server.url.rstrip("/")
        parts = urlsplit(server.url)
        assert parts.hostname
        assert parts.port
        self.address = parts.hostname, parts.port

    def request(self, path: str, method: str = "GET", **headers: str) -> Reply:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        try:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in fields)
            for name, value in fields.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(self.address, timeout=PATIENCE) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def put_slide(root: Path, identifier: str, stored: Api = Api.V2) -> None:
    """Publish a slide whose files hold their own request paths."""
    folder = root / identifier
    service = ImageService(f"{BASE_URL}/{identifier}", PYRAMID)
    paths = [path for picture in pictures(PYRAMID, stored) for path in picture.paths]
    for level in PYRAMID.levels[:-1]:
        for tile in PYRAMID.tiles(level):
            paths += tile_paths(PYRAMID, tile, stored)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    (folder / "info.json").write_bytes(write_info(service, stored))
    (folder / other_document_name(stored)).write_bytes(write_info(service, stored.other))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "public"
    put_slide(root, SLIDE)
    (root / ".slide2iiif").mkdir()
    (root / ".slide2iiif" / "receipt.json").write_bytes(SECRET)
    (tmp_path / "secret.jpg").write_bytes(SECRET)
    return root


@contextmanager
def serving(root: Path, **options: Any) -> Iterator[Client]:
    with open_preview(root, port=0, **options) as server:
        yield Client(server)


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    with serving(root) as client:
        yield client


class TestDocuments:
    def test_the_document_names_the_preview(self, client: Client) -> None:
        reply = client.request(f"/{SLIDE}/info.json")
        assert reply.status == 200
        assert reply.json["@id"] == f"{client.url}/{SLIDE}"

    def test_nothing_but_the_id_differs_from_the_tree(self, client: Client, root: Path) -> None:
        served = client.request(f"/{SLIDE}/info.json").json
        stored = json.loads((root / SLIDE / "info.json").read_bytes())
        assert list(served) == list(stored)
        assert served | {"@id": ""} == stored | {"@id": ""}

    def test_version_3_is_served_below_its_prefix(self, client: Client) -> None:
        reply = client.request(f"/{VERSION_3_PREFIX}/{SLIDE}/info.json")
        assert reply.json["id"] == f"{client.url}/{VERSION_3_PREFIX}/{SLIDE}"
        assert reply.json["type"] == "ImageService3"
        assert client.request(f"/{SLIDE}/info-v3.json").json == reply.json

    def test_a_tree_stored_as_version_3_is_served_so(self, tmp_path: Path) -> None:
        put_slide(tmp_path, SLIDE, Api.V3)
        with serving(tmp_path) as client:
            assert client.request(f"/{SLIDE}/info.json").json["id"] == f"{client.url}/{SLIDE}"
            reply = client.request(f"/{VERSION_3_PREFIX}/{SLIDE}/info.json")
            assert reply.json["id"] == f"{client.url}/{VERSION_3_PREFIX}/{SLIDE}"

    def test_without_a_document_of_version_3_there_is_none(self, client: Client, root: Path) -> None:
        (root / SLIDE / "info-v3.json").unlink()
        assert client.request(f"/{VERSION_3_PREFIX}/{SLIDE}/info.json").status == 404

    def test_the_prefix_cannot_begin_an_identifier(self) -> None:
        with pytest.raises(ValueError, match="not an identifier"):
            decode_identifier(f"{VERSION_3_PREFIX}/a.svs")

    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            ("*/*", "application/json"),
            ("application/json", "application/json"),
            ("application/ld+json", "application/ld+json"),
            ("text/html, application/LD+JSON;q=0.9", "application/ld+json"),
        ],
    )
    def test_version_2_is_json_unless_linked_data_is_asked_for(
        self, client: Client, accept: str, expected: str
    ) -> None:
        reply = client.request(f"/{SLIDE}/info.json", Accept=accept)
        assert reply.headers["Content-Type"] == expected
        assert reply.headers["Vary"] == "Accept"
        assert reply.headers["Link"] == '<http://iiif.io/api/image/2/level0.json>;rel="profile"'

    def test_version_3_is_linked_data(self, client: Client) -> None:
        reply = client.request(f"/{VERSION_3_PREFIX}/{SLIDE}/info.json")
        expected = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
        assert reply.headers["Content-Type"] == expected
        assert reply.headers["Link"] == '<http://iiif.io/api/image/3/level0.json>;rel="profile"'

    @pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
    def test_a_broken_document_is_not_served(self, client: Client, root: Path, broken: bytes) -> None:
        (root / SLIDE / "info.json").write_bytes(broken)
        assert client.request(f"/{SLIDE}/info.json").status == 404


class TestTiles:
    def test_every_request_of_the_stored_version_gets_its_file(self, client: Client) -> None:
        paths = [path for picture in pictures(PYRAMID, Api.V2) for path in picture.paths]
        paths += tile_paths(PYRAMID, next(PYRAMID.tiles(PYRAMID.levels[0])), Api.V2)
        for path in paths:
            reply = client.request(f"/{SLIDE}/{path}")
            assert reply.body == path.encode()
            assert reply.headers["Content-Type"] == "image/jpeg"

    def test_every_request_of_version_3_gets_the_file_of_version_2(self, client: Client) -> None:
        prefix = f"/{VERSION_3_PREFIX}/{SLIDE}"
        for level in PYRAMID.levels[:-1]:
            for tile in PYRAMID.tiles(level):
                (new,), old = tile_paths(PYRAMID, tile, Api.V3), tile_paths(PYRAMID, tile, Api.V2)[0]
                assert client.request(f"{prefix}/{new}").body == old.encode()
        for picture in pictures(PYRAMID, Api.V3):
            assert all(client.request(f"{prefix}/{path}").status == 200 for path in picture.paths)

    def test_version_2_does_not_take_the_spelling_of_version_3(self, client: Client) -> None:
        assert client.request(f"/{SLIDE}/0,0,256,256/256,256/0/default.jpg").status == 404

    def test_escaped_commas_and_slashes_mean_the_same(self, client: Client) -> None:
        path = "0,0,256,256/256,/0/default.jpg"
        quoted = f"/{SLIDE}/{path}".replace(",", "%2C").replace("dir2/", "dir2%2f")
        assert client.request(quoted).body == path.encode()

    def test_a_query_is_ignored(self, client: Client) -> None:
        assert client.request(f"/{SLIDE}/full/max/0/default.jpg?v=1").status == 200

    def test_no_link_is_followed_not_even_within_the_tree(self, client: Client, root: Path) -> None:
        (root / "alias.jpg").symlink_to(root / SLIDE / "full" / "max" / "0" / "default.jpg")
        assert client.request("/alias.jpg").status == 404


class TestHttp:
    @pytest.mark.parametrize("path", [f"/{SLIDE}", f"/{SLIDE}/", "/dir2%2Fimage3.svs", f"/!3/{SLIDE}"])
    def test_a_base_uri_leads_to_its_document_as_it_was_spelt(self, client: Client, path: str) -> None:
        reply = client.request(path)
        assert reply.status == 303
        assert reply.headers["Location"] == f"{client.url}{path.rstrip('/')}/info.json"
        assert client.request(urlsplit(reply.headers["Location"]).path).status == 200

    @pytest.mark.parametrize("path", ["/", f"/{SLIDE}/info.json", f"/{SLIDE}/full/max/0/default.jpg", f"/{SLIDE}"])
    def test_head_is_get_without_the_content(self, client: Client, path: str) -> None:
        get, head = client.request(path), client.request(path, "HEAD")
        assert head.status == get.status
        assert head.body == b""
        ours = [[pair for pair in reply.headers.items() if pair[0] != "Date"] for reply in (get, head)]
        assert ours[0] == ours[1]

    @pytest.mark.parametrize(
        ("path", "method", "status"),
        [
            ("/", "GET", 200),
            (f"/{SLIDE}/info.json", "GET", 200),
            (f"/{SLIDE}", "GET", 303),
            ("/missing", "GET", 404),
            ("/", "POST", 405),
            ("/", "PUT", 405),
            ("/", "DELETE", 405),
            ("/", "BREW", 501),
            (f"/{SLIDE}/info.json", "OPTIONS", 204),
            ("/missing", "OPTIONS", 204),
        ],
    )
    def test_every_answer_may_be_read_by_other_origins(
        self, client: Client, path: str, method: str, status: int
    ) -> None:
        reply = client.request(path, method, Origin="https://viewer.example.org")
        assert reply.status == status
        assert reply.headers.get_all("Access-Control-Allow-Origin") == ["*"]
        assert reply.headers["Cache-Control"] == "no-cache"
        if status >= 400:
            assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"

    def test_a_preflight_allows_reading(self, client: Client) -> None:
        reply = client.request(f"/{SLIDE}/info.json", "OPTIONS", Access_Control_Request_Method="GET")
        assert reply.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert reply.headers["Access-Control-Allow-Headers"] == "*"
        assert reply.body == b""

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
    def test_what_the_client_has_is_not_sent_again(self, client: Client, form: str) -> None:
        for path in (f"/{SLIDE}/info.json", f"/{SLIDE}/full/max/0/default.jpg"):
            etag = client.request(path).headers["ETag"]
            reply = client.request(path, If_None_Match=form.format(etag))
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers["ETag"] == etag
            assert reply.headers["Access-Control-Allow-Origin"] == "*"

    def test_a_file_that_changed_is_sent_again(self, client: Client, root: Path) -> None:
        path = f"{SLIDE}/full/max/0/default.jpg"
        etag = client.request(f"/{path}").headers["ETag"]
        (root / path).write_bytes(b"new")
        assert client.request(f"/{path}", If_None_Match=etag).body == b"new"

    def test_one_connection_serves_many_requests(self, client: Client) -> None:
        connection = http.client.HTTPConnection(*client.address, timeout=PATIENCE)
        for path in (f"/{SLIDE}", f"/{SLIDE}/info.json", "/"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert not response.will_close
        connection.close()

    def test_requests_are_told_to_the_log_alone(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        lines: list[str] = []
        with serving(root, log=lines.append) as client:
            client.request("/missing")
            client.raw(b"GET /\x1b[2J HTTP/1.1\r\n\r\n")
        with serving(root) as client:
            client.request("/missing")
        assert any('"GET /missing HTTP/1.1" 404' in line for line in lines)
        assert all(line.isprintable() for line in lines)
        assert capfd.readouterr() == ("", "")


class TestHostileRequests:
    @pytest.mark.parametrize(
        "path",
        [
            "/../secret.jpg",
            "/dir2/../../secret.jpg",
            "/%2e%2e/secret.jpg",
            "/..%2fsecret.jpg",
            "/%2e%2e%2fsecret.jpg",
            "/%252e%252e/secret.jpg",
            "/..%5csecret.jpg",
            "/..\\secret.jpg",
            "/dir2/..;/..;/secret.jpg",
            "/%c0%ae%c0%ae/secret.jpg",
            "/secret.jpg%00.jpg",
            "/../secret.jpg%00",
            "/outside.jpg",
            "/outside/secret.jpg",
            "/!3/../../secret.jpg",
            "/!3/outside.jpg",
            "/.slide2iiif/receipt.json",
            "/%2eslide2iiif/receipt.json",
            "/.%73lide2iiif/receipt.json",
            "/dir2/../.slide2iiif/receipt.json",
            "/hidden.json",
            "/hidden/receipt.json",
            "//secret.jpg",
            "///etc/passwd",
            "/loop/info.json",
            "/loop",
            "/dir2",
            "/dir2/",
            f"/{SLIDE}/full",
            f"/{SLIDE}/full/max/0/default.jpg/",
            f"/{SLIDE}/full/max/0/default.jpg/info.json",
            "/info.json",
            "/!3/info.json",
            "/!3",
            "/!3/",
            "/a" * 5000,
            "/" + "a" * 3000,
        ],
    )
    def test_nothing_is_found_beside_the_tree(self, client: Client, root: Path, path: str) -> None:
        (root / "outside").symlink_to(root.parent)
        (root / "outside.jpg").symlink_to(root.parent / "secret.jpg")
        (root / "hidden").symlink_to(root / ".slide2iiif")
        (root / "hidden.json").symlink_to(root / ".slide2iiif" / "receipt.json")
        (root / "loop").symlink_to(root / "loop")
        reply = client.request(path)
        assert reply.status == 404
        assert reply.body == b"404 Not Found\n"

    @pytest.mark.parametrize(
        "host", ["evil.example.org", "evil.example.org:{port}", "localhost:1", "localhost.evil.org:{port}", ""]
    )
    def test_a_foreign_name_is_refused(self, client: Client, host: str) -> None:
        reply = client.request(f"/{SLIDE}/info.json", Host=host.format(port=client.address[1]))
        assert reply.status == 421
        assert b"evil" not in reply.body

    @pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1"])
    def test_the_names_of_this_computer_are_believed(self, client: Client, name: str) -> None:
        host = f"{name}:{client.address[1]}"
        reply = client.request(f"/{SLIDE}/info.json", Host=host)
        assert reply.json["@id"] == f"http://{host.lower()}/{SLIDE}"

    def test_a_public_preview_names_its_own_address_whatever_it_was_called(self, root: Path) -> None:
        with serving(root, host="0.0.0.0") as client:  # noqa: S104 -- that is what is tested
            reply = client.request(f"/{SLIDE}/info.json", Host="evil.example.org")
            assert reply.json["@id"] == f"http://127.0.0.1:{client.address[1]}/{SLIDE}"
            assert client.url == f"http://127.0.0.1:{client.address[1]}"

    def test_an_old_client_without_a_host_is_served(self, client: Client) -> None:
        answer = client.raw(f"GET /{SLIDE}/info.json HTTP/1.0\r\n\r\n".encode())
        assert b" 200 OK\r\n" in answer
        assert f"{client.url}/{SLIDE}".encode() in answer

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            (b"GET http://evil.example.org/ HTTP/1.1", 400),
            (b"GET * HTTP/1.1", 400),
            (b"GET / HTTP/9.9", 505),
            (b"GET /a b c HTTP/1.1", 400),
            (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", 414),
        ],
    )
    def test_a_malformed_request_is_refused_like_any_other(self, client: Client, line: bytes, status: int) -> None:
        answer = client.raw(line + b"\r\n\r\n")
        assert f" {status} ".encode() in answer
        assert b"Access-Control-Allow-Origin: *\r\n" in answer
        assert b"evil" not in answer

    def test_the_body_of_a_refused_request_is_not_taken_for_a_request(self, client: Client) -> None:
        body = f"GET /{SLIDE}/info.json HTTP/1.1\r\n\r\n"
        answer = client.raw(f"POST / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        assert answer.count(b"HTTP/1.1 ") == 1

    def test_a_client_that_goes_away_disturbs_nobody(self, client: Client) -> None:
        for _ in range(20):
            with socket.create_connection(client.address) as connection:
                connection.sendall(f"GET /{SLIDE}/info.json HTTP/1.1\r\n\r\n".encode())
        assert client.request("/").status == 200


class TestHome:
    def test_it_lists_the_slides_with_thumbnails_that_exist(self, client: Client, root: Path) -> None:
        put_slide(root, "a.svs")
        put_slide(root, ".hidden.svs")
        page = client.request("/").body.decode()
        thumbnails = re.findall(r'src="([^"]+)"', page)
        assert thumbnails == [f"/{slide}/full/90,/0/default.jpg" for slide in ("a.svs", SLIDE)]
        links = re.findall(r'href="([^"]+)"', page)
        assert links == [
            f"{prefix}/{slide}/info.json" for slide in ("a.svs", SLIDE) for prefix in ("", f"/{VERSION_3_PREFIX}")
        ]
        assert all(client.request(path).status == 200 for path in thumbnails + links)

    def test_it_runs_no_script_and_loads_nothing_from_elsewhere(self, client: Client) -> None:
        reply = client.request("/")
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'sha256-")
        assert b"<script" not in reply.body
        assert reply.headers["X-Content-Type-Options"] == "nosniff"

    def test_a_name_that_is_no_identifier_is_not_listed(self, client: Client, root: Path) -> None:
        folder = root / "<script>alert(1)<"
        folder.mkdir()
        (folder / "info.json").write_text("{}")
        assert b"alert" not in client.request("/").body

    def test_a_folder_that_is_a_link_is_not_listed_again(self, client: Client, root: Path) -> None:
        (root / "again").symlink_to(root)
        (root / "other").symlink_to(root / "dir2")
        assert client.request("/").body.count(b"<li>") == 1

    def test_a_long_list_is_cut(self, client: Client, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preview_site, "LISTED_SLIDES", 1)
        assert b"Slides: 1." in client.request("/").body
        put_slide(root, "a.svs")
        page = client.request("/").body
        assert b"The first 1 slides" in page
        assert page.count(b"<li>") == 1

    def test_an_empty_tree_has_an_empty_list(self, tmp_path: Path) -> None:
        with serving(tmp_path) as client:
            assert b"Slides: 0." in client.request("/").body

    def test_the_page_of_the_tree_itself_comes_first(self, client: Client, root: Path) -> None:
        (root / "index.html").write_text("mine")
        reply = client.request("/")
        assert reply.body == b"mine"
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"


class TestConnections:
    @pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["nothing", "half a head"])
    def test_those_that_send_no_request_are_bounded_and_keep_nobody_waiting(self, client: Client, sent: bytes) -> None:
        before = threading.active_count()
        with ExitStack() as stack:
            for _ in range(3 * CONNECTIONS):
                connection = stack.enter_context(socket.create_connection(client.address, timeout=PATIENCE))
                connection.sendall(sent)
            assert client.request(f"/{SLIDE}/info.json").status == 200
            assert threading.active_count() <= before + CONNECTIONS + 1
        assert client.request("/").status == 200

    def test_the_oldest_makes_room(self, client: Client) -> None:
        with ExitStack() as stack:
            first = stack.enter_context(socket.create_connection(client.address, timeout=PATIENCE))
            for _ in range(2 * CONNECTIONS):
                stack.enter_context(socket.create_connection(client.address, timeout=PATIENCE))
            assert first.recv(1) == b""


class TestOpening:
    def test_port_0_picks_a_free_one(self, root: Path) -> None:
        with open_preview(root, port=0) as first, open_preview(root, port=0) as second:
            assert first.url != second.url
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", first.url)

    def test_a_missing_folder_is_the_users_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no folder to preview"):
            open_preview(tmp_path / "missing")

    def test_a_port_in_use_is_the_users_error(self, root: Path) -> None:
        with open_preview(root, port=0) as server:
            port = urlsplit(server.url).port
            assert port
            with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
                open_preview(root, port=port)

    @pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("no-such-host.invalid", 0)])
    def test_an_address_that_cannot_be_used_is_the_users_error(self, root: Path, host: str, port: int) -> None:
        with pytest.raises(UsageError, match="cannot listen"):
            open_preview(root, host=host, port=port)

    def test_a_closed_preview_gives_its_port_back_and_may_be_closed_again(self, root: Path) -> None:
        port = free_port()
        server = open_preview(root, port=port)
        server.close()
        server.close()
        server.wait()
        with open_preview(root, port=port) as again:
            assert Client(again).request("/").status == 200

    def test_a_new_version_of_the_tree_is_seen_at_once(self, client: Client, root: Path) -> None:
        put_slide(root, "new.svs")
        assert client.request("/new.svs/info.json").status == 200


class TestPages:
    @pytest.fixture
    def root(self, root: Path) -> Path:
        for folder in ("", "dir2", SLIDE):
            (root / folder / "index.html").write_text(f"page of {folder}", encoding="utf-8")
        (root / "!site-0").mkdir()
        (root / "!site-0" / "site.js").write_text("script", encoding="utf-8")
        items = [{"id": f"{BASE_URL}/{SLIDE}/manifest.json"}, {"id": "https://elsewhere.example/x"}]
        document = {"id": f"{BASE_URL}/dir2/collection.json", "rights": "http://rights.example/", "items": items}
        (root / "dir2" / "collection.json").write_text(json.dumps(document), encoding="utf-8")
        return root

    @pytest.mark.parametrize("folder", ["", "dir2/", f"{SLIDE}/"])
    def test_a_folder_is_answered_with_its_page(self, client: Client, folder: str) -> None:
        for path in (f"/{folder}", f"/{folder}index.html"):
            reply = client.request(path)
            assert (reply.status, reply.body.decode()) == (200, f"page of {folder.rstrip('/')}")
            assert reply.headers["Content-Type"] == "text/html; charset=utf-8"

    def test_a_folder_without_the_slash_leads_to_the_one_with_it(self, client: Client) -> None:
        reply = client.request("/dir2")
        assert (reply.status, reply.headers["Location"]) == (301, f"{client.url}/dir2/")

    def test_a_slide_without_the_slash_still_leads_to_its_document(self, client: Client) -> None:
        reply = client.request(f"/{SLIDE}")
        assert (reply.status, reply.headers["Location"]) == (303, f"{client.url}/{SLIDE}/info.json")

    def test_a_collection_names_what_is_here_and_leaves_the_rest_alone(self, client: Client) -> None:
        assert client.request("/dir2/collection.json").json == {
            "id": f"{client.url}/dir2/collection.json",
            "rights": "http://rights.example/",
            "items": [{"id": f"{client.url}/{SLIDE}/manifest.json"}, {"id": "https://elsewhere.example/x"}],
        }

    def test_scripts_of_pages_are_served_as_such(self, client: Client) -> None:
        reply = client.request("/!site-0/site.js")
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
