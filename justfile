# One short command for each thing that a change needs: `just` lists them, CONTRIBUTING.md tells when to use which.
# They run in the virtual environment that is active, else in .venv. The gate is `bash tests/run`, which needs no just.

environment := env("VIRTUAL_ENV", justfile_directory() / ".venv")
export PATH := environment / "bin:" + env("PATH")

# Folders of tests that start many processes, browsers or servers, or make and read slides: `just quick` leaves them out.
thorough := "benchmarks browser buckets cli contracts copying end_to_end publish faults formats hosting maintenance nginx pixels plan preflight privacy project properties sources tiles"

# List the commands.
[private]
default:
    @just --list --unsorted

# Install the package and all that a change needs; in .venv if no virtual environment is active.
setup:
    [ -x "{{ environment }}/bin/python" ] || python3 -m venv "{{ environment }}"
    python -m pip install --quiet --upgrade "pip>=25.1"
    python -m pip install --quiet --group dev --editable .

# Run the tests of a file, a folder or one test: just test tests/iiif/test_paths.py -k edge
test +tests:
    python -m pytest {{ tests }}

# Run the tests that take a minute together on a computer that is not busy, after every change.
quick *options:
    python -m pytest -q {{ prepend("--ignore=tests/", thorough) }} {{ options }}

# Run the gate: install, lint, format, types, docs, all tests.
all *options:
    bash tests/run {{ options }}

# Run the long forms of the promises: hours.
slow *options:
    python -P -m pytest tests/faults tests/maintenance -m slow {{ options }}

# Look for mistakes and for code that is not formatted.
lint:
    ruff check
    ruff format --check

# Format the code, and mend what can be mended.
format:
    ruff check --fix
    ruff format

# Check the types.
types:
    mypy

# Build the site of the documents into site/; any warning is an error.
docs:
    mkdocs build --quiet --strict

# Show the site of the documents on this computer, and build it again when a document changes.
docs-serve:
    mkdocs serve --dev-addr 127.0.0.1:8001

# Compare with other exporters: just bench --list
bench *options:
    python tests/benchmarks/compare.py {{ options }}

# Build sdist and wheel into dist/ and check them, as the release does.
package:
    rm -rf dist
    python -m build --no-isolation
    twine check --strict dist/*
