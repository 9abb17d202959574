"""Print the settings that hold for a tree, and where each is from."""

import argparse
import json

from slide2iiif.cli.arguments import given_path
from slide2iiif.cli.places import add_private_dir
from slide2iiif.cli.run_facts import rule_record, settings_record
from slide2iiif.cli.settings import add_config_option, read_config
from slide2iiif.progress import printable
from slide2iiif.records.option_values import text_of
from slide2iiif.records.settings import Named, TreeSettings, read_settings, settle

HELP = "print the settings that hold for a tree"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", metavar="SOURCE", type=given_path, help="folder of slides, or one slide")
    parser.add_argument("dest", metavar="DEST", type=given_path, help="published tree, or where one will be")
    add_config_option(parser)
    add_private_dir(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from slide2iiif.discovery.walk import check_root
    from slide2iiif.stores import open_store

    check_root(args.source)
    file = read_config(args)
    store = open_store(args.dest, args.private_dir, source=args.source)
    tree = settle(Named(), file.named if file is not None else None, read_settings(store.private))
    if args.json:
        record = {"settings": settings_record(tree), "rules": [rule_record(rule) for rule in tree.rules]}
        print(json.dumps(record, indent=1))
    else:
        _print(tree)
    return 0


def _print(tree: TreeSettings) -> None:
    shown = {name: printable(text_of(value)) or "(none)" for name, value in tree.values.items()}
    wide = max(len(text) for text in shown.values())
    for name, text in shown.items():
        print(f"{name:<17} {text:<{min(wide, 40)}}  {printable(tree.origins[name])}")
    for rule in tree.rules:
        values = ", ".join(f"{name} {text_of(value)}" for name, value in rule.values.items())
        print(printable(f"slides {rule.match}: {values}  {rule.where or 'remembered'}"))
