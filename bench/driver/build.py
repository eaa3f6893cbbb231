"""Release builds of what is measured."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def release(*packages):
    """Builds these packages one by one; returns the folder of their programs."""
    commands = "".join(f"cargo build --release -p {package} >&2\n" for package in packages)
    script = f"source scripts/needs; need_build; need_openssl\n{commands}echo \"$CARGO_TARGET_DIR/release\"\n"
    done = subprocess.run(["bash", "-euc", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.split()[-1])
