"""A network of its own for brokers, each in a namespace of the kernel's, so that one can be cut off from another, or be slow; nothing of it leaves the machine,
and all of it ends with this process.

The machine's own side has a bridge, on which databases, receiver and load listen; each host has one wire to it.
"""

import ctypes
import os
import subprocess
import time

from stage import end_with_parent

CLONE_NEWNET = 0x40000000
NET = "10.77.0"
HUB = [f"{NET}.{n}" for n in (1, 2, 3)]
# Where nobody is: what is sent there is lost without a word, as on a wire that is cut.
NOWHERE = "02:00:00:00:00:99"


class Host:
    """A network namespace with one wire, which a sleeping process keeps."""

    def __init__(self, number):
        self.address, self.wire = f"{NET}.{10 + number}", f"v{number}"
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"], stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        end = time.monotonic() + 60
        while self.space() in (None, os.readlink("/proc/thread-self/ns/net")):
            if time.monotonic() > end:
                raise RuntimeError("unshare -n does not begin")
            time.sleep(0.01)
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "link", "set", self.wire, "master", "br0", "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self.ip("link", "set", link, "up")

    def space(self):
        try:
            return os.readlink(f"/proc/{self.holder.pid}/ns/net")
        except OSError:
            return None

    def inside(self):
        """What stands before a command that is to run there."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def ip(self, *arguments):
        run(*self.inside(), "ip", *arguments)

    def cut(self, address):
        """What goes from here to that address is lost; what comes from there arrives."""
        self.ip("neigh", "replace", address, "lladdr", NOWHERE, "nud", "permanent", "dev", "eth0")

    def heal(self, address):
        self.ip("neigh", "del", address, "dev", "eth0")

    def slow(self, rate):
        run(*self.inside(), "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "16kbit", "latency", "2s")

    def fast(self):
        run(*self.inside(), "tc", "qdisc", "del", "dev", "eth0", "root")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


class Wires:
    """A with block: this process is in a network of its own, and goes back. `fault` says why there is none."""

    def __init__(self, hosts):
        self.count, self.hosts, self.fault = hosts, [], None
        self.libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if os.geteuid() != 0:
            self.fault = "network namespaces want root"
        elif self.libc.unshare(CLONE_NEWNET) != 0:
            self.fault = f"unshare: {os.strerror(ctypes.get_errno())}"
        else:
            try:
                run("ip", "link", "set", "lo", "up")
                run("ip", "link", "add", "br0", "type", "bridge")
                for address in HUB:
                    run("ip", "addr", "add", f"{address}/24", "dev", "br0")
                run("ip", "link", "set", "br0", "up")
                self.hosts = [Host(number) for number in range(1, self.count + 1)]
            except (OSError, RuntimeError) as fault:
                self.fault = str(fault)
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            host.holder.kill()
            host.holder.wait()
        self.libc.setns(self.home, CLONE_NEWNET)
        os.close(self.home)
