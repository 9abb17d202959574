"""Serve a tree through the nginx configuration that is shipped, on the loopback interface.

    python tests/nginx/serve.py TREE --port 8000 --runtime /tmp/nginx

makes the three edits that `nginx/slide2iiif.conf` asks its user for, puts the rest of a server around it, and
becomes nginx: the process that was started is the one to stop. The tests start it; so can you, to look at a tree.
"""

import argparse
import os
import re
from pathlib import Path

SITE = Path(__file__).parents[2] / "nginx" / "slide2iiif.conf"

MAIN = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
{user}
events {{ worker_connections 512; }}
http {{
    # As in Debian's nginx.conf.
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    gzip on;

    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}}
"""


def edited_site(text: str, tree: Path, port: int, *, api_3: bool) -> str:
    """Give the site configuration as a user would have edited it for this tree.

    Raises:
        ValueError: the text does not have the lines that are to be edited.
    """
    edits = [
        (r"listen 80;", f"listen 127.0.0.1:{port};"),
        (r"listen \[::\]:80;", ""),
        (r"server_name \S+;", "server_name localhost;"),
        (r"set \$iiif_tree \S+;", f"set $iiif_tree {tree};"),
    ]
    if api_3:
        # The line that the comment offers takes the place of the two that stand there.
        edits += [(r"(?m)^ *rewrite \^/iiif.*\n *rewrite \^/iiif-v3.*\n", ""), (r"# +(?=rewrite \^/iiif\()", "")]
    for pattern, replacement in edits:
        parts = re.split(pattern, text)
        if len(parts) != 2:
            raise ValueError(f"{pattern!r} stands {len(parts) - 1} times in the configuration, not once")
        text = replacement.join(parts)
    return text


def write_configuration(runtime: Path, tree: Path, port: int, *, api_3: bool) -> Path:
    """Write the whole configuration into a folder of its own and give its path."""
    runtime.mkdir(parents=True, exist_ok=True)
    site = edited_site(SITE.read_text(encoding="utf-8"), tree, port, api_3=api_3)
    (runtime / "site.conf").write_text(site, encoding="utf-8")
    main = runtime / "nginx.conf"
    # Workers of a server started by root give up its rights, and then cannot read a private temporary folder.
    main.write_text(MAIN.format(user="user root;" if os.geteuid() == 0 else ""), encoding="utf-8")
    return main


def main() -> None:
    """Read the arguments and become nginx."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="folder that was exported to")
    parser.add_argument("--port", type=int, required=True, help="port on the loopback interface")
    parser.add_argument("--runtime", type=Path, required=True, help="folder for configuration, logs and pid file")
    parser.add_argument("--api-3", action="store_true", help="the tree is stored in the 3.0 form")
    arguments = parser.parse_args()
    runtime = arguments.runtime.resolve()
    configuration = write_configuration(runtime, arguments.tree.resolve(), arguments.port, api_3=arguments.api_3)
    os.execlp("nginx", "nginx", "-p", str(runtime), "-e", str(runtime / "error.log"), "-c", str(configuration))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
