"""The objects that are fetched, each of 1 GB, and the scripts that write what is uploaded."""

import io
import os
import tarfile

FETCHED_BYTES = 1_000_000_000
PARTS = 10

# Every script says when it begins, and one that uploads also when it ends, by the clock of the benchmark and of the stub.
BEGIN = """\
import time
print("begin %r" % time.monotonic(), flush=True)
"""

# The entry point that is itself 1 GB: a shell reads no further than `exit`.
SHELL_BEGIN = """\
#!/bin/sh
python -c 'import time; print("begin %r" % time.monotonic())'
exit 0
"""

# The folders come first, and the reference gets a second to watch them: it misses files that are faster than that.
SMALL_FILES = """\
import os, time
root = os.environ["SM_OUTPUT_INTERMEDIATE_DIR"]
body = os.urandom({file_bytes})
for number in range({n_folders}):
    os.mkdir("%s/part%03d" % (root, number))
time.sleep(1)
for number in range({n_files}):
    with open("%s/part%03d/file%05d" % (root, number % {n_folders}, number), "wb") as file:
        file.write(body)
print("end %r" % time.monotonic(), flush=True)
"""

LARGE_FILE = """\
import os, time
root = os.environ["SM_OUTPUT_INTERMEDIATE_DIR"]
body = os.urandom(1_000_000)
time.sleep(1)
with open(root + "/weights", "wb") as file:
    for _ in range({megabytes}):
        file.write(body)
print("end %r" % time.monotonic(), flush=True)
"""


def noise(n_bytes):
    """Bytes that do not compress: the block that repeats is far longer than what gzip looks back."""
    block = os.urandom(min(n_bytes, 10_000_000))
    return (block * (n_bytes // len(block) + 1))[:n_bytes]


def write_script(path):
    """A shell script of 1 GB."""
    with open(path, "wb") as file:
        file.write(SHELL_BEGIN.encode("ascii"))
        file.write(noise(FETCHED_BYTES - len(SHELL_BEGIN)))


def write_archive(path, mode):
    """`train.py` and ten files that do not compress; `mode` as of `tarfile`."""
    options = {"compresslevel": 1} if mode.endswith(":gz") else {}
    body = noise(FETCHED_BYTES // PARTS)
    with tarfile.open(path, mode, **options) as archive:
        add(archive, "train.py", BEGIN.encode("ascii"))
        for number in range(PARTS):
            add(archive, "data/part{}".format(number), body)


def add(archive, name, body):
    entry = tarfile.TarInfo(name)
    entry.size = len(body)
    archive.addfile(entry, io.BytesIO(body))
