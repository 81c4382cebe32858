"""Installs the Python client by pip, without the network, and imports what was installed: package_test.py clients/python"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECK = """
import pathlib, sys, notifyd, notifyd.receiver, notifyd.types
folder = pathlib.Path(notifyd.__file__).parent
assert str(folder).startswith(sys.argv[1]), folder
assert (folder / "py.typed").exists()
print(notifyd.__version__)
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "source", pathlib.Path(folder) / "target"
        # setuptools writes beside what it builds.
        shutil.copytree(sys.argv[1], source)
        how = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--root-user-action=ignore", "--target", str(target)]
        pip = [sys.executable, "-m", "pip", "install", *how, str(source)]
        subprocess.run(pip, check=True, cwd=folder)
        check = [sys.executable, "-c", CHECK, str(target)]
        done = subprocess.run(check, check=True, cwd=folder, env={"PYTHONPATH": str(target)}, stdout=subprocess.PIPE, text=True)
        version = next(line for line in (source / "pyproject.toml").read_text(encoding="utf-8").splitlines() if line.startswith("version"))
        if done.stdout.strip() not in version:
            raise AssertionError(f"{done.stdout.strip()} is not the version of pyproject.toml: {version}")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
