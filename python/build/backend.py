"""The build backend (PEP 517): builds the program `optml`, then lets maturin build the module and the wheel around both.

The program is linked statically where the machine can, else ordinarily; the wheel's tag says nothing about it either way.

OPTML_WHEEL_BINARY names a program to take instead of building one. MATURIN_PEP517_ARGS goes to maturin, for example
`--zig --compatibility manylinux2014` for a wheel that runs on any Linux.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile

import maturin

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "optml.data", "scripts", "optml")

# What a source distribution holds: the workspace, so that both the module and the program can be built from it.
SOURCES = (
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "crates",
    "pyproject.toml",
    "python/build",
    "python/optml",
)
LEFT_OUT = ("__pycache__", "target", ".pytest_cache", ".mypy_cache", ".hypothesis")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    put_program()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    put_program()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """Written here: maturin's own would hold the module's crates alone, and change the workspace to match."""
    metadata = read_metadata()
    version = next(line.split(": ", 1)[1] for line in metadata.splitlines() if line.startswith("Version: "))
    name = "optml-{}".format(version)
    path = os.path.join(sdist_directory, name + ".tar.gz")
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for source in sorted(sources()):
            archive.add(os.path.join(ROOT, source), "{}/{}".format(name, source), recursive=False, filter=anonymous)
        add_text(archive, name + "/PKG-INFO", metadata)
    return os.path.basename(path)


def get_requires_for_build_wheel(config_settings=None):
    linker = ["ziglang"] if "--zig" in os.environ.get("MATURIN_PEP517_ARGS", "") else []
    return maturin.get_requires_for_build_wheel(config_settings) + linker


def get_requires_for_build_editable(config_settings=None):
    return maturin.get_requires_for_build_editable(config_settings)


def get_requires_for_build_sdist(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    # maturin asks for the folder, though it does not look into it yet.
    os.makedirs(os.path.dirname(PROGRAM), exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def put_program():
    """Puts the program where maturin takes it from."""
    binary = os.environ.get("OPTML_WHEEL_BINARY") or build_program()
    os.makedirs(os.path.dirname(PROGRAM), exist_ok=True)
    shutil.copyfile(binary, PROGRAM)
    os.chmod(PROGRAM, 0o755)


def build_program():
    """The path of the program, built static if that works."""
    cargo = os.environ.get("CARGO", "cargo")
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    if sys.platform == "linux" and platform.machine() == "x86_64":
        # The alias of .cargo/config.toml. It needs a static C library (Debian: libc6-dev).
        program = os.path.join(target, "x86_64-unknown-linux-gnu", "dist", "optml")
        if subprocess.run([cargo, "dist", "--locked"], cwd=ROOT).returncode == 0 and runs(program):
            return program
        print("warning: no static program could be linked, an ordinary one is built instead", file=sys.stderr)
    subprocess.run([cargo, "build", "--profile", "dist", "--package", "optml", "--locked"], cwd=ROOT, check=True)
    return os.path.join(target, "dist", "optml")


def runs(program):
    """Whether it starts: with a C library before glibc 2.36 it can be linked and does not."""
    return subprocess.run([program, "--version"], stdout=subprocess.DEVNULL).returncode == 0


def sources():
    """Every file of a source distribution, below ROOT."""
    for source in SOURCES:
        path = os.path.join(ROOT, source)
        if os.path.isfile(path):
            yield source
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            for file in files:
                if not file.endswith((".pyc", ".so", ".pending-snap")):
                    yield os.path.relpath(os.path.join(folder, file), ROOT)


def read_metadata():
    """The metadata of the package, as maturin makes it of pyproject.toml and Cargo.toml."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        info = prepare_metadata_for_build_wheel(folder)
        with open(os.path.join(folder, info, "METADATA"), encoding="utf-8") as file:
            return file.read()


def anonymous(entry):
    """Who built it, and when, is nobody's business; and the same tree gives the same archive."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry


def add_text(archive, name, text):
    import io

    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o644
    archive.addfile(entry, io.BytesIO(data))
