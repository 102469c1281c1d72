"""Hosts on this machine: containers in namespaces of their own, on one network that leads nowhere else.

The root folder of each is this machine's with a layer of its own on top: what one writes to /tmp, /etc or /root no other sees, and all of it
is gone with the run. Process 1 is the program, as in a container of the platform: when it ends, the kernel ends the rest.
"""

import os
import subprocess
import tempfile
import threading
import time

INTERFACE = "eth0"

# No run may take longer: the slowest known, the reference's, needs 70 s.
LIMIT_SECONDS = 300

SWITCH = """\
ip link add switch type bridge
ip link set switch up
echo furnished
exec cat
"""

CABLE = """\
ip link add port{number} type veth peer name {interface} netns {pid}
ip link set port{number} master switch up
"""

ADDRESS = """\
ip address add {address}/24 dev {interface}
ip link set lo up
ip link set {interface} up
"""

# The host says that it is furnished, and waits: the clock starts when its network is there, as it is on the platform.
HOST = """\
cd "$0"
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount --rbind /sys/fs/cgroup root/sys/fs/cgroup
mount --rbind /dev root/dev
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
hostname "$1"
shift
while [ "$1" != -- ]; do
    mkdir -p "root$1"
    mount --bind "$1" "root$1"
    shift
done
shift
echo furnished
read -r go
exec "$@" </dev/null
"""


def name(number):
    return "algo-{}".format(number)


def address(number):
    return "10.77.0.{}".format(number)


class Switch:
    """What joins the hosts of one run. It reads from a pipe of ours: it ends with this process, whatever ends that."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-euc", SWITCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if self.process.stdout.readline() != b"furnished\n":
            raise RuntimeError("no network of namespaces: this takes root, and Debian's package iproute2")
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def connect(self, host):
        pid = host.process.pid
        in_network(self.process.pid, CABLE.format(number=host.number, interface=INTERFACE, pid=pid))
        in_network(pid, ADDRESS.format(address=address(host.number), interface=INTERFACE))


class Host:
    """One container: `upper` is what it has above this machine's files. Its lines are kept with the time at which they came."""

    def __init__(self, number, work):
        self.number = number
        self.folder = tempfile.mkdtemp(prefix=name(number) + "-", dir=work)
        for part in ("upper", "work", "root"):
            os.mkdir(self.path(part))
        self.process = None
        self.reader = threading.Thread(target=self.read)
        self.lines = []
        self.exit_code = None
        self.ended = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, path, content, mode=0o644):
        """A file that this host alone has; its folder is what it is on this machine."""
        target = self.path("upper", path.lstrip("/"))
        self.make_folder(os.path.dirname(path))
        with open(target, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(target, mode)

    def make_folder(self, path, mode=0o755):
        """A folder above one of this machine's hides its mode, so it gets the same."""
        target = self.path("upper", path.lstrip("/"))
        if not os.path.isdir(target):
            if path != "/":
                self.make_folder(os.path.dirname(path))
            os.makedirs(target, exist_ok=True)
            os.chmod(target, os.stat(path).st_mode & 0o7777 if os.path.isdir(path) else mode)

    def furnish(self, argv, environment, folders):
        """Make the namespaces; `folders` of this machine are there too, should they lie on another file system than `/`."""
        words = ["env", "--ignore-environment", *map("=".join, environment.items()), "chroot", "root", *argv]
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL"]
            + ["sh", "-euc", HOST, self.folder, name(self.number), *folders, "--", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        first = self.process.stdout.readline()
        if first != b"furnished\n":
            self.end()
            raise RuntimeError("{} could not be made: {}".format(name(self.number), first.decode(errors="replace").strip()))
        self.reader.start()

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.close()

    def read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line))
        self.exit_code = self.process.wait()
        self.ended = time.monotonic()

    def wait(self, deadline):
        self.reader.join(max(0, deadline - time.monotonic()))
        if self.reader.is_alive():
            raise RuntimeError("{} took more than {} s: {}".format(name(self.number), LIMIT_SECONDS, self.tail()))

    def end(self):
        """The parent of process 1 takes it along, and that the rest; the last of them closes the output."""
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.reader.is_alive():
            self.reader.join(LIMIT_SECONDS)

    def tail(self):
        return "\n" + b"".join(line for _, line in self.lines)[-3000:].decode(errors="replace")


def in_network(pid, lines):
    """Shell in the network of a process."""
    subprocess.run(["nsenter", "--target", str(pid), "--net", "sh", "-euc", lines], check=True)
