"""Imports run one way, and each heavy library has one module that knows it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rooms import ROOMS

import slide2iiif

PACKAGE = Path(slide2iiif.__file__).parent
KNOWN_BY = {
    "openslide": {"sources.openslide"},
    "pyvips": {"sources.vips", "imaging.profiled"},
    "tifffile": {"sources.tiff"},
    "pydicom": {"sources.dicom"},
    "joblib": {"engines.worker", "engines.child"},
    "tqdm": {"progress"},
    "turbojpeg": {"imaging.jpeg"},
    "jinja2": {"site.pages"},
    "opentile": set[str](),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module, *, at_load: bool = False) -> Iterator[str]:
    """Names of all modules that a module imports; with `at_load`, of those that it cannot be loaded without."""
    nodes = _loaded(tree) if at_load else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            assert node.module is not None
            yield node.module
            if node.module.startswith("slide2iiif"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _loaded(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not is_for_types and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ast.walk(node)


TREES = dict(modules())


def room_of(module: str) -> str:
    return module.partition(".")[0]


FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def own_imports(name: str, *, at_load: bool = False) -> set[str]:
    """Modules of the package that one imports, without its name before them."""
    found = {each.removeprefix("slide2iiif.") for each in imported(TREES[name], at_load=at_load)}
    return {each for each in found if each in TREES and each != "__init__"}


def test_every_module_has_a_room() -> None:
    assert {room_of(name) for name in TREES} - {"__init__", "__main__"} == FLOOR.keys()


@pytest.mark.parametrize("name", sorted(set(TREES) - {"__init__", "__main__"}))
def test_a_module_imports_its_own_room_and_lower_floors_only(name: str) -> None:
    for each in own_imports(name):
        is_lower = FLOOR[room_of(each)] < FLOOR[room_of(name)]
        assert is_lower or room_of(each) == room_of(name), f"{name} imports {each}"


@pytest.mark.parametrize("library", KNOWN_BY)
def test_a_heavy_library_is_known_by_one_module(library: str) -> None:
    users = {
        name
        for name, tree in TREES.items()
        if any(each.partition(".")[0] == library for each in imported(tree))
        if name.partition(".")[0] != "samples"
    }
    # Workers load libraries ahead of their first task without using them.
    assert users - {"tiles.preload"} == KNOWN_BY[library]
    assert len(users) <= 2


def test_no_module_is_loaded_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for name in TREES:
        needs = own_imports(name, at_load=True)
        # A module brings its package along, which is loaded before it and does not wait for it.
        needs |= {each.rpartition(".")[0] for each in needs} & TREES.keys()
        graph[name] = {each for each in needs if each != name and not name.startswith(f"{each}.")}
    while ready := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in ready}
    assert graph == {}


def test_every_module_can_be_imported_first() -> None:
    names = sorted(f"slide2iiif.{name}" if name else "slide2iiif" for name in TREES if name != "__main__")
    code = (
        "import importlib, sys\n"
        "failed = []\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [each for each in sys.modules if each.partition('.')[0] == 'slide2iiif']:\n"
        "        del sys.modules[loaded]\n"
        "    try:\n"
        "        importlib.import_module(name.removesuffix('.__init__'))\n"
        "    except ImportError as error:\n"
        "        failed.append(f'{name}: {error}')\n"
        "print(*failed, sep='\\n', end='')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_workers_come_from_one_place_and_no_command_opens_a_slide_itself() -> None:
    """There they get their limits of time and memory."""
    makers = {name for name, tree in TREES.items() if "ProcessEngine" in {node.id for node in _names(tree)}}
    assert makers == {"cli.workers"}
    for name in TREES:
        if room_of(name) in {"cli", "publish", "maintenance"} or name in {"preflight.quick", "preflight.thorough"}:
            assert not own_imports(name) & {"sources", "sources.openslide", "sources.vips", "sources.pyramids"}, name


def _names(tree: ast.Module) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name))


def test_only_the_command_line_prints() -> None:
    printers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert {name for name in printers if not name.startswith("cli")} <= {"progress"}


def test_the_house_stays_small() -> None:
    """Rooms, the longest way down through them, and arrows between them: fewer than before the last rebuilding."""
    arrows = {
        (room_of(name), room_of(each)) for name in TREES for each in own_imports(name) if room_of(each) != room_of(name)
    }
    arrows = {(room, other) for room, other in arrows if room in FLOOR and other in FLOOR}
    heights: dict[str, int] = {}
    for room in sorted(FLOOR, key=FLOOR.__getitem__):
        heights[room] = 1 + max((heights[other] for each, other in arrows if each == room), default=0)
    loose = [path for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    assert len(loose) <= 8
    assert len(FLOOR) <= 24
    assert max(heights.values()) <= 11
    assert len(arrows) <= 130


PURE = {"iiif", "plan", "geometry", "options"}
"""Rooms without input and output."""
DISK = {"open", "mkdir", "read_bytes", "read_text", "write_bytes", "write_text", "unlink", "rename", "iterdir", "rglob"}


@pytest.mark.parametrize("name", sorted(name for name in TREES if room_of(name) in PURE))
def test_what_is_pure_touches_no_disk(name: str) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call)
    }
    assert not called & DISK
    assert not {"shutil", "tempfile", "subprocess", "socket"} & set(imported(TREES[name]))


@pytest.mark.parametrize("name", sorted(name for name in TREES if room_of(name) == "engines"))
def test_an_engine_knows_no_tiles_no_readers_and_no_store(name: str) -> None:
    rooms = {room_of(each) for each in own_imports(name)}
    assert not rooms & {"tiles", "sources", "stores", "plan", "publish", "imaging"}


@pytest.mark.parametrize("name", sorted(name for name in TREES if room_of(name) == "imaging"))
def test_imaging_knows_no_slide(name: str) -> None:
    assert not {room_of(each) for each in own_imports(name)} & {"sources", "plan", "tiles", "stores", "discovery"}


@pytest.mark.parametrize(
    "name", sorted(name for name in TREES if not name.startswith(("stores", "cli", "tiles.preload")))
)
def test_only_the_command_line_picks_a_kind_of_store(name: str) -> None:
    """What a store is made of is its own business: flows and records know the contract alone."""
    allowed = {"stores", "stores.base", "stores.tally"}
    found = {each for each in own_imports(name) if room_of(each) == "stores"}
    assert found <= allowed, found
    assert name == "server.http_server" or "stores" not in {
        node.module.removeprefix("slide2iiif.")
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("slide2iiif.stores")
    }
