"""The shipped nginx configuration keeps every HTTP promise, for both versions of one tree.

Three services: 2.1 as it is stored, 3.0 from the same files by rewriting, and 3.0 as it is stored (`--api 3`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path, PurePath
from typing import NamedTuple

import pytest
import serving
import simplejpeg
from host_requests import (
    FOREIGN,
    HIDDEN,
    HOST,
    MISSING,
    PRIVATE,
    REDIRECTS,
    SLIDE,
    SLIDES,
    TILE,
    write_slide,
    write_tree,
)
from patience import PATIENCE
from serving import free_port

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.identifiers import encode_path
from slide2iiif.iiif.paths import pictures, tile_paths

SERVE = Path(__file__).with_name("serve.py")
SITE = Path(__file__).parents[2] / "nginx" / "slide2iiif.conf"
LD_JSON_3 = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'


class Service(NamedTuple):
    port: int
    prefix: str
    api: Api


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(service: Service, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask for a path below the prefix, exactly as it is written."""
    return ask_host(service.port, service.prefix + path, method, **headers)


def ask_host(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        return ask_on(connection, path, method, **headers)


def ask_on(connection: HTTPConnection, path: str, method: str = "GET", **headers: str) -> Answer:
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    names = {name.lower() for name in response.headers}
    fields = {name: ", ".join(response.headers.get_all(name, [])) for name in names}
    return Answer(response.status, fields, response.read())


@contextmanager
def running_nginx(tree: Path, runtime: Path, *options: str) -> Iterator[int]:
    """Serve a tree with the shipped configuration and give the port."""
    port = free_port()
    with serving.running_nginx(tree, runtime, port, *options):
        yield port


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    folder = tmp_path_factory.mktemp("nginx")
    write_tree(folder / "tree2", Api.V2)
    write_tree(folder / "tree3", Api.V3)
    with (
        running_nginx(folder / "tree2", folder / "run2") as port_2,
        running_nginx(folder / "tree3", folder / "run3", "--api-3") as port_3,
    ):
        yield {
            "2.1": Service(port_2, "/iiif", Api.V2),
            "3.0 rewritten": Service(port_2, "/iiif-v3", Api.V3),
            "3.0 stored": Service(port_3, "/iiif", Api.V3),
        }
    for run in ("run2", "run3"):
        log = (folder / run / "error.log").read_text(encoding="utf-8")
        assert not [line for line in log.splitlines() if "[emerg]" in line or "[alert]" in line or "[warn]" in line]


@pytest.fixture(params=["2.1", "3.0 rewritten", "3.0 stored"])
def service(services: dict[str, Service], request: pytest.FixtureRequest) -> Service:
    return services[request.param]


def document(service: Service, path: str, **headers: str) -> dict[str, object]:
    answer = ask(service, path, **headers)
    assert answer.status == 200
    content = json.loads(answer.body)
    assert isinstance(content, dict)
    return content


# ---- what is there


@pytest.mark.parametrize("identifier", SLIDES)
def test_every_url_of_a_version_is_answered_with_a_picture_of_the_right_size(service: Service, identifier: str) -> None:
    pyramid = SLIDES[identifier]
    wanted = {path: picture.size for picture in pictures(pyramid, service.api) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            wanted |= dict.fromkeys(tile_paths(pyramid, tile, service.api), pyramid.tile_pixels(tile))
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as connection:
        for path, size in wanted.items():
            for spelling in {path, path.replace(",", "%2C")}:
                answer = ask_on(connection, f"{service.prefix}/{identifier}/{spelling}")
                assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg"), spelling
                height, width, _, _ = simplejpeg.decode_jpeg_header(answer.body)
                assert (width, height) == size, spelling


@pytest.mark.parametrize("identifier", SLIDES)
def test_the_document_is_the_one_of_the_version_and_its_id_is_its_address(service: Service, identifier: str) -> None:
    content = document(service, f"/{identifier}/info.json")
    key = "@id" if service.api is Api.V2 else "id"
    assert content[key] == f"{HOST}{service.prefix}/{identifier}"
    assert content["@context"] == f"http://iiif.io/api/image/{service.api}/context.json"


@pytest.mark.parametrize("spelling", ["dir2%2Fimage3.svs", "dir2%2fimage3.svs", "%64ir2/image3.svs"])
def test_an_identifier_may_be_percent_encoded(service: Service, spelling: str) -> None:
    assert document(service, f"/{spelling}/info.json") == document(service, f"/{SLIDE}/info.json")
    assert ask(service, f"/{spelling}/{TILE[service.api]}").status == 200
    assert ask(service, f"/{spelling}/full/max/0/default.jpg").status == 200


def test_an_escape_of_an_identifier_may_be_percent_encoded(service: Service) -> None:
    identifier = encode_path(PurePath("Fälle/100% b c+d.ndpi"))
    assert "!" in identifier
    path = identifier.replace("!", "%21").replace("/", "%2F")
    assert document(service, f"/{path}/info.json") == document(service, f"/{identifier}/info.json")
    assert ask(service, f"/{path}/full/max/0/default.jpg").status == 200


@pytest.mark.parametrize("path", [f"/{SLIDE}/info.json", f"/{SLIDE}/full/max/0/default.jpg", f"/{SLIDE}", "/nothing"])
def test_head_answers_as_get_without_the_body(service: Service, path: str) -> None:
    get, head = ask(service, path), ask(service, path, "HEAD")
    assert head.body == b""
    assert head.status == get.status
    volatile = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in get.headers.items() if k not in volatile
    }


def test_a_part_of_a_picture_can_be_asked_for(service: Service) -> None:
    whole = ask(service, f"/{SLIDE}/full/max/0/default.jpg")
    part = ask(service, f"/{SLIDE}/full/max/0/default.jpg", Range="bytes=10-19")
    assert (part.status, part.body) == (206, whole.body[10:20])


# ---- types


ACCEPTS = {
    None: ("application/json", LD_JSON_3),
    "*/*": ("application/json", LD_JSON_3),
    "text/html,application/xhtml+xml,*/*;q=0.8": ("application/json", LD_JSON_3),
    "application/json": ("application/json", "application/json"),
    "application/json, */*": ("application/json", "application/json"),
    "application/ld+json": ("application/ld+json", LD_JSON_3),
    "Application/LD+JSON": ("application/ld+json", LD_JSON_3),
    "text/html, application/ld+json": ("application/ld+json", LD_JSON_3),
    LD_JSON_3: ("application/ld+json", LD_JSON_3),
    f"{LD_JSON_3}, application/json;q=0.5": ("application/ld+json", LD_JSON_3),
    "application/json, application/ld+json;q=0.5": ("application/json", "application/json"),
    "application/ld+json;q=0": ("application/json", LD_JSON_3),
}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_the_type_of_a_document_is_what_the_specification_says_for_an_accept(
    service: Service, accept: str | None
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = ask(service, f"/{SLIDE}/info.json", **headers)
    expected = ACCEPTS[accept][0 if service.api is Api.V2 else 1]
    assert (answer.status, answer.headers["content-type"]) == (200, expected)
    assert answer.headers["vary"].split(", ").count("Accept") == 1
    assert json.loads(answer.body)["protocol"] == "http://iiif.io/api/image"


def test_pages_and_other_json_are_sent_as_what_they_are(service: Service) -> None:
    assert ask(service, "/dir2/index.html").headers["content-type"] == "text/html; charset=utf-8"
    assert ask(service, "/dir2/manifest.json").headers["content-type"] == "application/json"


# ---- headers


KINDS = {
    "document": f"/{SLIDE}/info.json",
    "picture": f"/{SLIDE}/full/max/0/default.jpg",
    "base URI": f"/{SLIDE}",
    "base URI with slash": f"/{SLIDE}/",
    "page": "/dir2/",
    "folder": "/dir2",
    "other file": "/dir2/manifest.json",
    "nothing": "/nothing",
    "missing document": "/nothing/info.json",
    "missing tile": f"/{SLIDE}/0,0,7,7/7,/0/default.jpg",
    "missing folder": "/nothing/",
    "hidden": "/.slide2iiif/receipt.json",
    "link": "/link.txt",
}


@pytest.mark.parametrize("kind", [*KINDS, "tile"])
def test_every_answer_may_be_read_by_any_page(service: Service, kind: str) -> None:
    path = KINDS.get(kind, f"/{SLIDE}/{TILE[service.api]}")
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        assert ask(service, path, method, Origin="https://viewer.example").headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("kind", [*KINDS, "tile"])
def test_a_preflight_is_answered_everywhere(service: Service, kind: str) -> None:
    path = KINDS.get(kind, f"/{SLIDE}/{TILE[service.api]}")
    answer = ask(
        service,
        path,
        "OPTIONS",
        Origin="https://viewer.example",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="x-requested-with",
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "*"
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_methods_are_refused(service: Service, kind: str, method: str) -> None:
    answer = ask(service, KINDS[kind], method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_documents_and_pictures_name_level_0_of_their_version(service: Service) -> None:
    profile = f'<http://iiif.io/api/image/{service.api}/level0.json>;rel="profile"'
    for path in ("info.json", "full/max/0/default.jpg", TILE[service.api]):
        assert profile in ask(service, f"/{SLIDE}/{path}").headers["link"]
    for path in ("/dir2/", "/nothing", f"/{SLIDE}"):
        assert "link" not in ask(service, path).headers


def test_only_a_plain_json_document_of_2_1_names_its_context_in_a_header(service: Service) -> None:
    for accept, expected in (("*/*", service.api is Api.V2), ("application/ld+json", False)):
        link = ask(service, f"/{SLIDE}/info.json", Accept=accept).headers["link"]
        assert ("http://www.w3.org/ns/json-ld#context" in link) is expected


def test_pictures_may_be_kept_an_hour_and_everything_else_is_asked_for_again(service: Service) -> None:
    kept = {kind for kind, path in KINDS.items() if ask(service, path).headers["cache-control"] != "no-cache"}
    assert kept == {"picture"}
    for path in ("full/max/0/default.jpg", TILE[service.api]):
        assert ask(service, f"/{SLIDE}/{path}").headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize("kind", ["document", "picture", "page", "other file"])
def test_an_unchanged_file_is_not_sent_twice(service: Service, kind: str) -> None:
    first = ask(service, KINDS[kind])
    validators = {"If_None_Match": first.headers["etag"]}, {"If_Modified_Since": first.headers["last-modified"]}
    for validator in validators:
        again = ask(service, KINDS[kind], **validator)
        assert (again.status, again.body) == (304, b"")
        for name in ("access-control-allow-origin", "cache-control", "vary", "etag"):
            assert again.headers.get(name) == first.headers.get(name)


# ---- base URI


@pytest.mark.parametrize("path", REDIRECTS)
def test_a_base_uri_leads_to_its_document_in_the_spelling_of_the_client(service: Service, path: str) -> None:
    answer = ask(service, path, Host="evil.example")
    assert (answer.status, answer.headers["location"]) == (303, service.prefix + REDIRECTS[path])
    assert ask_host(service.port, answer.headers["location"]).status == 200


@pytest.mark.parametrize("path", FOREIGN)
@pytest.mark.parametrize("prefix", ["iiif", "iiif-v3"])
def test_a_redirect_never_leads_to_another_host_or_takes_a_header_along(
    services: dict[str, Service], path: str, prefix: str
) -> None:
    answer = ask_host(services["2.1"].port, path.replace("iiif", prefix))
    assert "set-cookie" not in answer.headers
    location = answer.headers.get("location", f"/{prefix}/")
    assert location.startswith(f"/{prefix}/")
    assert "\\" not in location


def test_a_redirect_names_no_scheme_and_no_host(service: Service) -> None:
    for path in (f"/{SLIDE}", "/dir2"):
        assert ask(service, path).headers["location"].startswith(f"{service.prefix}/")


# ---- folders and pages


def test_a_folder_shows_its_page_and_never_a_list(service: Service) -> None:
    assert b"<title>index.html" in ask(service, "/").body
    assert b"<title>dir2/index.html" in ask(service, "/dir2/").body
    folder = ask(service, "/dir2")
    assert (folder.status, folder.headers["location"]) == (301, f"{service.prefix}/dir2/")
    for path in (f"/{SLIDE}/full", f"/{SLIDE}/full/", f"/{SLIDE}/full/max/0/", "/F!C3!A4lle", "/F!C3!A4lle/"):
        assert ask(service, path).status == 404, path


def test_the_prefix_without_a_slash_leads_to_the_first_page(service: Service) -> None:
    for asked in ("", "?from=mail"):
        answer = ask(service, asked)
        assert (answer.status, answer.headers["location"]) == (301, f"{service.prefix}/")
        assert answer.headers["access-control-allow-origin"] == "*"
    assert ask(service, "", "OPTIONS").status == 204
    assert ask(service, "", "POST").status == 405
    assert ask(service, "x").status == 404


def test_without_a_first_page_the_prefix_is_not_found_and_any_page_may_read_that(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with running_nginx(tmp_path / "tree", tmp_path / "run") as port:
        for path in ("/iiif", "/iiif-v3", "/iiif/", "/iiif?x"):
            answer = ask_host(port, path)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, "*"), path


def test_a_slide_may_have_a_page_behind_its_slash(service: Service) -> None:
    assert b"<title>simple.svs/index.html" in ask(service, "/simple.svs/").body
    assert ask(service, "/simple.svs").status == 303


@pytest.mark.parametrize("path", MISSING)
def test_what_does_not_exist_is_not_found(service: Service, path: str) -> None:
    assert ask(service, path).status == 404


# ---- what must stay private


@pytest.mark.parametrize("path", HIDDEN)
def test_hidden_names_are_not_found_in_any_spelling(service: Service, path: str) -> None:
    answer = ask(service, path)
    assert answer.status == 404
    assert PRIVATE.encode() not in answer.body


@pytest.mark.parametrize(
    "path",
    ["/link.txt", "/link/secret.txt", "/link/info.json", "/link/index.html", "/link", "/link/", "/%6cink/info.json"],
)
def test_a_symbolic_link_leads_nowhere(service: Service, path: str) -> None:
    answer = ask(service, path)
    assert answer.status in {403, 404}
    assert PRIVATE.encode() not in answer.body


@pytest.mark.parametrize("prefix", ["/iiif", "/iiif-v3"])
@pytest.mark.parametrize("tree", ["tree2", "tree3"])
@pytest.mark.parametrize(
    "path",
    [
        "/../{}-outside/secret.txt",
        "/%2e%2e/{}-outside/secret.txt",
        "/..%2f{}-outside%2fsecret.txt",
        "/dir2/../../{}-outside/secret.txt",
        "/dir2%2f..%2f..%2f{}-outside%2fsecret.txt",
        "../{}-outside/secret.txt",
        "-outside/secret.txt",
        "%2e%2e/{}-outside/secret.txt",
        "/..\\{}-outside\\secret.txt",
        "/%252e%252e%252f{}-outside%252fsecret.txt",
        "/..;/{}-outside/secret.txt",
        "/simple.svs/info.json%00",
        "/../../../../../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/dir2//../..//{}-outside/secret.txt",
    ],
)
def test_no_path_leads_out_of_the_tree(services: dict[str, Service], prefix: str, tree: str, path: str) -> None:
    port = services["2.1" if tree == "tree2" else "3.0 stored"].port
    answer = ask_host(port, prefix + path.format(tree))
    assert answer.status in {400, 404}
    assert PRIVATE.encode() not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        f"/slide2iiif/2/{SLIDE}/info.json",
        f"/slide2iiif/3-from-2/{SLIDE}/info.json",
        f"/slide2iiif/2/{SLIDE}",
        "/slide2iiif/preflight",
        "/slide2iiif/document.json",
        f"/{SLIDE}/info.json",
        "/tree2/simple.svs/info.json",
        "/",
    ],
)
def test_the_inner_names_of_the_configuration_are_not_found_outside(services: dict[str, Service], path: str) -> None:
    answer = ask_host(services["2.1"].port, path)
    assert b"protocol" not in answer.body
    assert path == "/" or answer.status == 404


def test_a_link_to_the_tree_itself_is_followed(tmp_path: Path) -> None:
    write_slide(tmp_path / "release-7", "dot.png", SLIDES["dot.png"], Api.V2)
    (tmp_path / "current").symlink_to("release-7")
    with running_nginx(tmp_path / "current", tmp_path / "run") as port:
        assert ask_host(port, "/iiif/dot.png/info.json").status == 200


def test_a_hard_link_is_served_as_the_file_it_is(tmp_path: Path) -> None:
    write_slide(tmp_path / "tree", "dot.png", SLIDES["dot.png"], Api.V2)
    os.link(tmp_path / "tree/dot.png/info.json", tmp_path / "tree/alias.json")
    with running_nginx(tmp_path / "tree", tmp_path / "run") as port:
        assert ask_host(port, "/iiif/alias.json").status == 200


# ---- the linter


def lint(configuration: Path) -> subprocess.CompletedProcess[str]:
    gixy = Path(sys.executable).with_name("gixy")
    if not gixy.exists():
        pytest.skip("gixy-ng is not installed")
    return subprocess.run([gixy, str(configuration)], check=False, capture_output=True, text=True)


def test_the_linter_finds_nothing() -> None:
    result = lint(SITE)
    assert (result.returncode, "No issues found" in result.stdout) == (0, True), result.stdout


def test_the_linter_reads_the_locations(tmp_path: Path) -> None:
    marker = "location = /slide2iiif/refused {"
    text = SITE.read_text(encoding="utf-8")
    assert text.count(marker) == 1
    holed = tmp_path / "holed.conf"
    holed.write_text(text.replace(marker, "location /slide2iiif/x { alias /srv/; }\n" + marker), encoding="utf-8")
    result = lint(holed)
    assert result.returncode != 0
    assert "alias" in result.stdout


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("site.css", {"text/css"}),
        ("site.js", {"application/javascript; charset=utf-8", "text/javascript; charset=utf-8"}),
        ("icon.svg", {"image/svg+xml"}),
    ],
)
def test_style_and_scripts_of_pages_have_their_types_and_may_be_kept(
    service: Service, name: str, types: set[str]
) -> None:
    answer = ask(service, f"/!site-0a1b/{name}")
    assert answer.status == 200
    assert answer.headers["content-type"] in types
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/dir2/", "/simple.svs/", "/index.html", "/simple.svs/index.html"])
def test_pages_are_html_and_asked_for_again_each_time(service: Service, path: str) -> None:
    answer = ask(service, path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
