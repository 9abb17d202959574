"""The function for CloudFront, in Node, against the requests that nginx is asked: a tree in a bucket answers alike.

Behind it stands what a bucket is: names and contents, nothing else.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from host_requests import FOREIGN, HIDDEN, HOST, MISSING, REDIRECTS, SLIDES, TILE, jpeg, write_tree
from patience import PATIENCE
from serving import program

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import pictures, tile_paths
from slide2iiif.sources import formats

if TYPE_CHECKING:
    from slide2iiif.geometry import Size

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "hosting" / "cloudfront.js"


class Answer(NamedTuple):
    """Answer of CloudFront."""

    status: int
    body: bytes = b""
    location: str = ""
    any_page: bool = False


class Distribution(NamedTuple):
    """The function in front of a bucket whose prefix `iiif` holds a tree."""

    tree: Path
    function: Path
    prefix: str = "/iiif"
    api: Api = Api.V2

    def ask(self, *paths: str, method: str = "GET") -> list[Answer]:
        """Ask for paths, as they are written."""
        requests = [{"method": method, "uri": path.partition("?")[0]} for path in paths]
        command = [program("node"), str(Path(__file__).with_name("answer.mjs")), str(self.function)]
        done = subprocess.run(
            command, check=True, input=json.dumps(requests).encode(), capture_output=True, timeout=PATIENCE
        )
        return [self._answer(each) for each in json.loads(done.stdout)]

    def _answer(self, answer: dict[str, Any]) -> Answer:
        if "statusCode" in answer:
            headers = {name: each["value"] for name, each in answer["headers"].items()}
            return Answer(
                answer["statusCode"],
                location=headers.get("location", ""),
                any_page=headers.get("access-control-allow-origin") == "*",
            )
        assert set(answer) == {"method", "uri", "querystring", "headers", "cookies"}
        key = answer["uri"]
        assert key.startswith("/")
        # A key is a name and no path: nothing is above it, and a folder is nothing.
        names = {f"/iiif/{path.relative_to(self.tree).as_posix()}": path for path in self.tree.rglob("*")}
        path = names.get(key)
        if path is None or not path.is_file() or path.is_symlink():
            return Answer(404)
        return Answer(200, path.read_bytes())


def edited(folder: Path, **values: str) -> Path:
    """Write the function with other constants, as its user would."""
    text = FUNCTION.read_text(encoding="utf-8")
    for name, value in values.items():
        text, count = re.subn(rf"^const {name} = .+;$", f"const {name} = {value};", text, flags=re.MULTILINE)
        assert count == 1
    path = folder / "cloudfront.js"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Distribution]:
    folder = tmp_path_factory.mktemp("cloudfront")
    write_tree(folder / "tree2", Api.V2)
    write_tree(folder / "tree3", Api.V3)
    return {
        "2.1": Distribution(folder / "tree2", FUNCTION),
        "3.0 rewritten": Distribution(folder / "tree2", FUNCTION, "/iiif-v3", Api.V3),
        "3.0 stored": Distribution(folder / "tree3", edited(folder, OTHER="''"), "/iiif", Api.V3),
    }


@pytest.fixture(params=["2.1", "3.0 rewritten", "3.0 stored"])
def service(distributions: dict[str, Distribution], request: pytest.FixtureRequest) -> Distribution:
    return distributions[request.param]


def test_every_url_of_a_version_is_answered_with_the_picture_of_its_size(service: Distribution) -> None:
    wanted: dict[str, Size] = {}
    for identifier, pyramid in SLIDES.items():
        own = {path: picture.size for picture in pictures(pyramid, service.api) for path in picture.paths}
        for level in pyramid.levels[:-1]:
            for tile in pyramid.tiles(level):
                own |= dict.fromkeys(tile_paths(pyramid, tile, service.api), pyramid.tile_pixels(tile))
        wanted |= {f"{identifier}/{path}": size for path, size in own.items()}
    for comma in (",", "%2C"):
        answers = service.ask(*(f"{service.prefix}/{path.replace(',', comma)}" for path in wanted))
        for (path, size), answer in zip(wanted.items(), answers, strict=True):
            assert (answer.status, answer.body) == (200, jpeg(size)), path


def test_the_document_is_the_one_of_the_version(service: Distribution) -> None:
    answers = service.ask(*(f"{service.prefix}/{identifier}/info.json" for identifier in SLIDES))
    for identifier, answer in zip(SLIDES, answers, strict=True):
        content = json.loads(answer.body)
        assert content["@id" if service.api is Api.V2 else "id"] == f"{HOST}{service.prefix}/{identifier}"


def test_an_identifier_may_be_percent_encoded(service: Distribution) -> None:
    spellings = [
        "dir2%2Fimage3.svs",
        "dir2%2fimage3.svs",
        "%64ir2/image3.svs",
        "F%21C3%21A4lle%2F100!25!20b!20c!2Bd.ndpi",
    ]
    documents = service.ask(*(f"{service.prefix}/{each}/info.json" for each in spellings))
    assert [answer.status for answer in documents] == [200] * 4
    assert service.ask(f"{service.prefix}/dir2%2Fimage3.svs/{TILE[service.api]}")[0].status == 200


UNKNOWABLE = {"/dir2/full/max/0/default.jpg"}
"""A slide whose name is that of a picture: nginx looks whether it is a folder, a path alone does not tell."""


def test_a_base_uri_leads_to_its_document_in_the_spelling_of_the_client(service: Distribution) -> None:
    # With a slash at its end, it leads to the page of the slide.
    paths = [path for path in REDIRECTS if path not in UNKNOWABLE and not path.endswith("/")]
    answers = service.ask(*(service.prefix + path for path in paths))
    for path, answer in zip(paths, answers, strict=True):
        assert (answer.status, answer.location) == (303, service.prefix + REDIRECTS[path]), path
        assert answer.any_page
    followed = service.ask(*(answer.location for answer in answers))
    assert {answer.status for answer in followed} == {200}


def test_a_folder_shows_its_page(service: Distribution) -> None:
    first, second, slide = service.ask(*(service.prefix + path for path in ("/", "/dir2/", "/simple.svs/")))
    assert b"<title>index.html" in first.body
    assert b"<title>dir2/index.html" in second.body
    assert b"<title>simple.svs/index.html" in slide.body
    for asked in ("", "?from=mail", "/dir2"):
        [answer] = service.ask(service.prefix + asked)
        assert (answer.status, answer.location) == (301, f"{service.prefix}{asked.partition('?')[0]}/")


def test_without_pages_a_slash_leads_to_the_document_too(
    distributions: dict[str, Distribution], tmp_path: Path
) -> None:
    plain = distributions["2.1"]._replace(function=edited(tmp_path, PAGES="false"))
    paths = ["/iiif/dir2/image3.svs/", "/iiif/dir2%2Fimage3.svs%2F", "/iiif/dir2", "/iiif"]
    answers = [(answer.status, answer.location) for answer in plain.ask(*paths)]
    assert answers[:2] == [(303, "/iiif/dir2/image3.svs/info.json"), (303, "/iiif/dir2%2Fimage3.svs/info.json")]
    assert answers[2:] == [(404, ""), (404, "")]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a.svs", 303),
        ("a.!53!56!53", 303),
        ("a.SVS!", 303),
        ("mfrggzdfmztwq2lknnwg23tpobyhazdf", 303),
        ("ward", 301),
        ("v1.2", 301),
        ("a.svs.d", 301),
    ],
)
def test_a_slide_is_told_from_a_folder_by_its_name(
    distributions: dict[str, Distribution], name: str, status: int
) -> None:
    assert distributions["2.1"].ask(f"/iiif/x/{name}")[0].status == status


def test_every_suffix_of_a_slide_is_known(distributions: dict[str, Distribution]) -> None:
    suffixes = formats.OPENSLIDE_SUFFIXES | formats.IMAGE_SUFFIXES | formats.DICOM_SUFFIXES | formats._BIG_TIFF_SUFFIXES
    answers = distributions["2.1"].ask(*(f"/iiif/a{suffix}" for suffix in sorted(suffixes)))
    assert {answer.status for answer in answers} == {303}


def test_what_does_not_exist_is_not_found(service: Distribution) -> None:
    answers = service.ask(*(service.prefix + path for path in (*MISSING, "/%zz", "/%ff")))
    # A path may be that of a folder for all that it says; its page is not there either.
    places = [answer.location for answer in answers if answer.status == 301]
    assert {answer.status for answer in answers} == {301, 404}
    assert {answer.status for answer in service.ask(*places)} == {404}


OUTSIDE = [
    "/../../../../../../../../etc/passwd",
    "/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/simple.svs/info.json%00",
    "/..\\secret.txt",
    "/%252eslide2iiif/receipt.json",
]


def test_hidden_names_and_ways_out_are_not_found_in_any_spelling(service: Distribution) -> None:
    for answer in service.ask(*(service.prefix + path for path in (*HIDDEN, *OUTSIDE))):
        assert (answer.status, answer.body, answer.location) == (404, b"", "")


@pytest.mark.parametrize("prefix", ["iiif", "iiif-v3"])
def test_a_redirect_never_leads_to_another_host_or_takes_a_header_along(
    distributions: dict[str, Distribution], prefix: str
) -> None:
    paths = [*FOREIGN, "/%2Fiiif/simple.svs", "/iiif%2F%2Fevil.example"]
    for answer in distributions["2.1"].ask(*(path.replace("iiif", prefix) for path in paths)):
        assert answer.location == ""


def test_other_methods_and_other_paths_are_left_to_the_distribution(distributions: dict[str, Distribution]) -> None:
    distribution = distributions["2.1"]
    assert [answer.status for answer in distribution.ask("/iiif/simple.svs", method="OPTIONS")] == [404]
    assert [answer.status for answer in distribution.ask("/", "/other/simple.svs", "/iiifx/simple.svs")] == [404] * 3


def test_a_head_is_answered_as_a_get(service: Distribution) -> None:
    paths = [f"{service.prefix}{path}" for path in ("/simple.svs", "/dir2/", "/simple.svs/info.json")]
    assert service.ask(*paths, method="HEAD") == service.ask(*paths)


def test_the_tree_may_lie_anywhere_in_the_bucket(distributions: dict[str, Distribution], tmp_path: Path) -> None:
    function = edited(tmp_path, BASE="'/a/slides'", OTHER="'/b'", PREFIX="'/iiif'")
    moved = distributions["2.1"]._replace(function=function)
    statuses = [each.status for each in moved.ask("/a/slides/simple.svs/info.json", "/b/simple.svs/info.json", "/a")]
    assert statuses == [200, 200, 404]


FORBIDDEN = (
    r"\bclass\b|\bimport\b|\bexport\b|\brequire\b|\byield\b|\beval\b|\bnew Function\b|\bfor\s*\([^;)]*\bof\b"
    r"|(?:const|let|var)\s*[\[{]|\.\.\.|\?\?|\?\.|\bsetTimeout\b|\bfetch\b|\bconsole\b|\bswitch\b"
)
"""What JavaScript runtime 2.0 of CloudFront lacks, or what no function in the way of every tile needs."""


def test_the_function_is_written_in_what_the_runtime_has_and_is_small_enough() -> None:
    text = FUNCTION.read_text(encoding="utf-8")
    code = re.sub(r"(?m)^\s*//.*$", "", text)
    assert re.findall(FORBIDDEN, code) == []
    assert len(text.encode()) < 10_000
    assert text.isascii()
