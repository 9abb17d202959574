"""Random runs with random options: a dry run tells what the run does, and the tree is that of a fresh export."""

import dataclasses
import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from made_slides import write_image, write_synthetic
from one_process import OneProcess
from published import contents

import slide2iiif
from slide2iiif.engines import processes
from slide2iiif.errors import UsageError
from slide2iiif.publish.summary import Status, Summary
from slide2iiif.records.settings import OF_SLIDES, SETTINGS, WORDS
from slide2iiif.stores.tally import Written, kind_of

PLANNED = {
    Status.PLANNED: Status.EXPORTED,
    Status.REBASABLE: Status.REBASED,
    Status.REMOVABLE: Status.REMOVED,
}
"""What is said in a dry run, and what becomes of it."""

SLIDES = ("one.synthetic", "ward/two.synthetic", "ward/b/three.synthetic", "photo.png")

POOL: dict[str, list[Any]] = {
    "base_url": ["https://one.example/iiif", "https://two.example"],
    "other_base_url": ["auto", "https://three.example"],
    "api": [2, 3],
    "tile_size": ["auto", 64, 256],
    "quality": [85, 60],
    "blank": ["link", "copy"],
    "mpp": ["auto", 0.5],
    "recompress": [True, False],
    "identifier": ["path", "hash"],
    "site": [True, False, True],
    "title": ["Slides", "Ward A"],
    "rights": ["", "https://rights.example/1"],
    "attribution": ["", "by us"],
    "mirador": ["none", "https://mirador.example/"],
    "exclude": [[], ["one*"], ["b"]],
    "only": ["all", "slides"],
}
"""Values of each option, by its keyword."""

ALONE: dict[str, list[Any]] = {"mpp": ["auto", 0.3, 0.5], "quality": [60, 85], "tile_size": [64]}
"""Values that a run over one slide names."""

RULES: dict[str, list[Any]] = {"mpp": [0.25], "title": ["By rule"], "attribution": ["them"], "quality": [50]}
"""Values of rules in the configuration file."""


def outcome(source: Path, dest: Path, **options: Any) -> Summary | str:
    """Return the summary of a run, or why it was refused."""
    try:
        return slide2iiif.export(source, dest, **options)
    except UsageError as refusal:
        return str(refusal)


class Tree:
    """A tree under random runs, and a model of what single slides were told."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.source, self.dest, self.folder = folder / "slides", folder / "public", folder
        self.rng = rng
        self.own: dict[str, dict[str, Any]] = {slide: {} for slide in SLIDES}
        for number, slide in enumerate(SLIDES):
            if slide.endswith(".png"):
                write_image(self.source / slide, 90, 70)
            else:
                write_synthetic(self.source / slide, 150 + 50 * number, 130)

    def chosen(self, pool: dict[str, list[Any]], most: int) -> dict[str, Any]:
        names = self.rng.sample(sorted(pool), self.rng.randint(0, most))
        return {name: self.rng.choice(pool[name]) for name in names}

    def write_config(self) -> None:
        """Write a configuration file, or remove it."""
        file = self.source / "slide2iiif.toml"
        if self.rng.random() < 0.4:
            file.unlink(missing_ok=True)
            return
        named = self.chosen({name: POOL[name] for name in ("quality", "title", "exclude", "site", "mpp")}, 2)
        lines = [f"{name.replace('_', '-')} = {json.dumps(value)}" for name, value in named.items()]
        if self.rng.random() < 0.5:
            rule = self.chosen(RULES, 2)
            lines += ["[[slides]]", 'match = "ward/*"'] + [f"{name} = {json.dumps(rule[name])}" for name in rule]
        file.write_text("\n".join(lines))

    def run(self, source: Path, **options: Any) -> tuple[Summary, Summary] | None:
        """Run dry and then for real; None where both are refused."""
        before = contents(self.dest) if self.dest.exists() else {}
        said = outcome(source, self.dest, **options, dry_run=True)
        assert (contents(self.dest) if self.dest.exists() else {}) == before
        done = outcome(source, self.dest, **options)
        if isinstance(said, str) or isinstance(done, str):
            assert said == done
            assert contents(self.dest) == before
            return None
        self.check_files(done, before, contents(self.dest))
        return said, done

    def check_files(self, done: Summary, before: dict[str, str], after: dict[str, str]) -> None:
        """Hold the numbers of written and removed files against the tree."""
        written = Counter(kind_of(path) for path, digest in after.items() if digest and before.get(path) != digest)
        removed = Counter(kind_of(path) for path, digest in before.items() if digest and path not in after)
        assert done.facts is not None
        assert done.facts.files["written"] == {kind.value: written[kind] for kind in Written}
        assert done.facts.files["removed"] == {kind.value: removed[kind] for kind in Written}

    def note(self, options: dict[str, Any], done: Summary, alone: str | None) -> None:
        """Follow in the model what single slides were told."""
        assert done.facts is not None
        ruled = self.ruled(done)
        for slide in SLIDES if alone is None else [alone]:
            own = self.own[slide]
            for name in ruled.get(slide, {}):
                own.pop(name, None)
            if alone is not None:
                own.update({name.replace("_", "-"): value for name, value in options.items()})
                continue
            for name in options:
                own.pop(name.replace("_", "-"), None)

    def ruled(self, done: Summary) -> dict[str, dict[str, Any]]:
        assert done.facts is not None
        rules = [dict(rule["values"]) for rule in done.facts.rules]
        merged = {name: value for rule in rules for name, value in rule.items()}
        return {slide: dict(merged) for slide in SLIDES if slide.startswith("ward/")} if merged else {}

    def fresh(self, done: Summary, named: dict[str, Any]) -> Path:
        """Export anew with the settings that hold."""
        assert done.facts is not None
        held = {name: setting["value"] for name, setting in done.facts.settings.items()}
        other = self.folder / "fresh"
        shutil.rmtree(other, ignore_errors=True)
        source = shutil.copytree(self.source, other / "slides")
        (source / "slide2iiif.toml").unlink(missing_ok=True)
        if held["identifier"] == "hash":
            shutil.copy(self.dest / ".slide2iiif/identifier.key", other / "key")
            held["identifier-key"] = str(other / "key")
        lines = [f"{name} = {json.dumps(value)}" for name, value in held.items() if value != ""]
        ruled = self.ruled(done)
        for slide in SLIDES:
            values = {**ruled.get(slide, {}), **self.own[slide]}
            # What a run names for all slides stands above the rules of the file, this time.
            over = {name.replace("_", "-") for name in named} - set(WORDS)
            values = {name: value for name, value in values.items() if name not in over}
            lines += ["[[slides]]", f'match = "/{slide}"'] + [f"{n} = {json.dumps(v)}" for n, v in values.items()]
        (other / "rules.toml").write_text("\n".join(lines))
        slide2iiif.export(source, other / "public", config=other / "rules.toml")
        return other / "public"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ProcessEngine", OneProcess)


def told(summary: Summary) -> dict[str, Any]:
    """Return all that a dry run must foresee."""
    counts = Counter({PLANNED.get(status, status): count for status, count in summary.counts.items() if count})
    facts = dataclasses.asdict(summary.facts) if summary.facts else {}
    same = {name: facts[name] for name in ("settings", "rules", "changes", "files", "base_url")}
    return {**same, "counts": dict(counts), "tiles": summary.total("tiles"), "inodes": summary.total("inodes")}


@pytest.mark.parametrize("seed", range(12))
def test_a_dry_run_tells_what_a_run_does_and_the_tree_is_that_of_a_fresh_export(seed: int, quick_folder: Path) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    folder = quick_folder / str(seed)
    tree = Tree(folder, rng)
    for number in range(7):
        if rng.random() < 0.3:
            tree.write_config()
        alone = rng.choice(SLIDES[0::3]) if number and rng.random() < 0.3 else None
        if alone is None:
            options = tree.chosen(POOL, 3)
            run = {"delete": True, "max_delete": "100%", "rebase": rng.random() < 0.7}
            if not number:
                options["base_url"] = POOL["base_url"][0]
        else:
            options, run = tree.chosen(ALONE, 2), {}
        results = tree.run(tree.source / (alone or ""), **options, **run)
        if results is None:
            continue
        said, done = results
        assert told(said) == told(done)
        excluded = alone is not None and done.counts[Status.PASSED_OVER]
        if not excluded:
            tree.note(options, done, alone)
        expected = tree.fresh(done, options if alone is None else {})
        assert contents(tree.dest) == contents(expected), (number, options)
        assert slide2iiif.verify(tree.dest).findings == ()
    shutil.rmtree(folder)


def test_every_setting_of_a_tree_is_an_option_of_export_by_keyword() -> None:
    assert set(POOL) <= {name.replace("-", "_") for name in SETTINGS}
    assert {name.replace("_", "-") for name in (*ALONE, *RULES)} <= set(OF_SLIDES)
