"""Options of `rhea boot`, as its help lists them, with values that are none: see options.test."""
import os
import re
import resource
import subprocess
import sys

from machine import RHEA, said

work = sys.argv[1]
os.chdir(work)
everything = "RHEA_LONG" in os.environ
NONE = [b"-1", b"99999999999999999999999", b"%n%s%n", "\u00e4\u20ac".encode(), b"\xff\xfe", b"a" * 100000, b"=", b",,=,",
        b"x=", b"=x", b"/nonexistent/x", b"0", b"1e999", b"0x", b"on,on"]
# Any text will do for these; and these take some of the values above.
ANY = {"append", "name", "D", "mem-path"}
SOME = {"seed": {b"0"}, "icount": {b"0"}}
LIMIT_S = 2  # of CPU time, of each


def run(*args, limits=lambda: None):
    """Its status, what it said, and what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run([RHEA, "boot", *args], capture_output=True, timeout=60, stdin=subprocess.DEVNULL, preexec_fn=limits)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return p.returncode, p.stdout, p.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fault(status, out, err, seconds, must_fail):
    """What is wrong with an end; None: nothing."""
    if status == 0:
        return "accepted" if must_fail else err or None
    if status != 1 or not err.startswith(b"rhea: ") or err.count(b"\n") != 1:
        return status, err
    return seconds if seconds > LIMIT_S else None


def tried(word, value, *more, must_fail=False):
    """The same of one option."""
    what = fault(*run("-M", "virt,dumpdtb=tree", "-bios", "none", *more, "-" + word, *value), must_fail)
    return what and (word, value[0][:60] if value else None, what)


def look(name, cases):
    count, wrong = 0, []
    for case, must_fail in cases:
        count += 1
        wrong.append(tried(*case, must_fail=must_fail))
    wrong = [x for x in wrong if x]
    said(f"{name}: {count} command lines", not wrong and count, wrong[:5])


helped = run("-help")[1].decode()
options = re.findall(r"^  -(\S+) ?(.*?)  +(\S.*)$", helped, re.M)
said("the help lists options", len(options) > 30, options)


def values():
    """Each option with values that it cannot have."""
    for word, argument, _ in options:
        if not argument and word != "help":
            yield (word, ()), False
            yield (word, (b"more",)), True
        for at, value in enumerate(NONE if argument else []):
            if everything or at % 4 == len(word) % 4 or len(value) > 1000:
                yield (word, (value,)), word not in ANY and value not in SOME.get(word, ())
        if argument:
            yield (word, (b"",)), not argument.startswith("[")
            yield (word, ()), True
    yield ("odd", ()), True


def keys():
    """What options may be told by name, as the help has it: with such values, too."""
    begins = {"M": ["virt"], "drive": ["file=disk,format=raw,if=none"], "nic": ["user"], "netdev": ["user,id=n"],
              "chardev": ["socket,id=c", "file,id=c", "null,id=c"], "icount": ["shift=0"], "rtc": ["base=utc"],
              "fw_cfg": ["name=opt/x"], "object": ["memory-backend-file,id=ram", "memory-backend-ram,id=ram", "filter-dump"],
              "device": ["loader"]}
    more = {"M": {"aia", "memory-backend", "pflash0", "accel", "type"},
            "device": {"file", "addr", "data", "data-len", "cpu-num", "force-raw", "data-be"}}
    for word, argument, text in options:
        names = set(re.findall(r"([a-z][-a-z0-9_]*)=", argument + " " + text)) | more.get(word, set()) | {"odd"}
        for begin in begins.get(word, []):
            for name in sorted(names - {"dumpdtb"}):
                for value in [b"", *NONE]:
                    yield (word, (f"{begin},{name}=".encode() + value,)), name == "odd"


def properties():
    """Properties of all devices that can be plugged in; no number or switch is like those."""
    disk = ("-drive", "file=disk,format=raw,if=none,id=d")
    for device in re.findall(r'name "(\S+)", bus', run("-device", "help")[1].decode()):
        for name, kind in re.findall(r"^  (\S+)=<(\S+)>", run("-device", device + ",help")[1].decode(), re.M):
            for value in [b"", *NONE]:
                more = b",drive=d" if "blk" in device and name != "drive" else b""
                yield (("device", (f"{device},{name}=".encode() + value + more,), *disk),
                       kind not in ("string", "uint64", "size") and value != b"0")


def some(cases, part):
    """All of them, or each `part`-th."""
    for at, case in enumerate(cases):
        if everything or at % part == 0:
            yield case


with open("disk", "wb") as file:
    file.truncate(1 << 20)
look("options with values that are none", values())
look("what options are told by name", some(keys(), 13))
look("properties of devices", some(properties(), 43))
for given in (("-drive", "file=disk,format=raw,if=none,id=d"), ("-netdev", "user,id=n"), ("-chardev", "null,id=c"),
              ("-device", "virtio-rng-device,id=d")):
    said(f"twice the same name: {given[0]}", fault(*run("-M", "virt,dumpdtb=tree", "-bios", "none", *given, *given), True) is None)

# Descriptors.
machine = ("-M", "virt", "-bios", "none", "-kernel", "hello", "-display", "none", "-serial", "stdio", "-drive",
           "file=disk,format=raw,if=none,id=d", "-device", "virtio-blk-device,drive=d", "-netdev", "user,id=n",
           "-device", "virtio-net-device,netdev=n", "-qmp", "unix:qmp,server=on,wait=off")
wrong, least = [], None  # 127: the loader of programs has no descriptor
for most in range(3, 48, 1 if everything else 3):
    status, out, err, _ = run(*machine, limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
    if status == 7 and out == b"hello ":
        least = least or most
    elif status != 127 and (status != 1 or not all(x.startswith(b"rhea: ") for x in err.splitlines())):
        wrong.append((most, status, out, err))
said(f"with few descriptors a machine starts (from {least} on), or says why not", not wrong and least, wrong[:3])
wrong = []
for closed in range(8):
    def close():
        for fd in range(3):
            if closed >> fd & 1:
                os.close(fd)
    p = subprocess.run([RHEA, "boot", *machine], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       preexec_fn=close, timeout=60)
    if p.returncode != 7 or p.stderr or p.stdout != (b"" if closed & 2 else b"hello "):
        wrong.append((closed, p))
said("with any of descriptors 0 to 2 closed it starts", not wrong, wrong)
