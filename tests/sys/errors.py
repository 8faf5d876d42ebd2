"""A machine with disks that fail: see errors.test."""
import hashlib
import os
import sys

from machine import PIPE, Line, Machine, Qmp, said

work, guest = sys.argv[1:]
EIO, ENOSPC = 5, 28


def fails(*lines):
    """From now on these operations do, and no others."""
    with open(work + "/plan.new", "w") as plan:
        plan.write("\n".join(lines))
    os.rename(work + "/plan.new", work + "/plan")


def drive(name, more="", device="", fmt="raw"):
    return ("-drive", f"if=none,id={name},file={work}/{name},format={fmt}{more}",
            "-device", f"virtio-blk-device,drive={name}{device}")


def sum_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


fails()
m = Machine(
    "-m", "256", "-kernel", guest + "/kernel", "-initrd", work + "/initrd", "-append", "console=ttyS0 panic=-1 quiet",
    "-serial", "stdio", "-no-reboot", "-qmp", f"unix:{work}/qmp,server=on,wait=off",
    *drive("report", ",werror=report"), *drive("ignore", ",werror=ignore"), *drive("stops", device=",werror=stop"),
    *drive("reads", ",rerror=stop"), *drive("sync"), *drive("full", fmt="qcow2"), stdin=PIPE,
    env={**os.environ, "LD_PRELOAD": work + "/faults.so", "FAULTS": work + "/plan"})
console = Line(m.process.stdout.fileno())
q = Qmp(work + "/qmp")
q.ask("qmp_capabilities")
seen = []  # failures since the machine went on


def told(*want):
    """The guest's lines."""
    got = []
    for _ in want:
        console.until("TEST ", 60)
        got.append(console.until("\n").strip())
    return got


def step(name, *faults):
    """When the guest comes to it: from now on these are the faults."""
    got = told(name)
    said(f"the guest comes to: {name}", got == ["ready " + name], got)
    fails(*faults)
    m.process.stdin.write(b"\n")
    m.process.stdin.flush()


def says(name, *want):
    got = told(*want)
    said(name, got == list(want), got)


def next_event():
    """Its name, or what BLOCK_IO_ERROR says; of several requests that fail alike the first."""
    while True:
        while not q.events:
            q.events.append(q.get())
        event = q.events.pop(0)
        what = event and event.get("data", event["event"])
        if what == "RESUME":
            seen.clear()
        if what not in seen:
            break
    if isinstance(what, dict):
        seen.append(what)
    return what


def events(name, *want):
    got = [next_event() for _ in want]
    said(name, got == list(want), got)


def failure(device, operation, action, nospace=False):
    return {"device": device, "operation": operation, "action": action, "nospace": nospace,
            "reason": os.strerror(ENOSPC if nospace else EIO)}


def stands(name, device, io_status):
    said(name, q.ask("query-status")["status"] == "io-error")
    got = {x["device"]: x["io-status"] for x in q.ask("query-block")}
    said("... and query-block says which disk", got[device] == io_status and list(got.values()).count("ok") == len(got) - 1, got)


def after_a_while(disk, io_status):
    """`cont` while it still fails, then without the fault."""
    q.ask("cont")
    events("... `cont` stops again while it fails", "RESUME", failure(*disk), "STOP")
    stands("... as before", disk[0], io_status)
    fails()
    q.ask("cont")
    events("... and the machine goes on when it does not", "RESUME")


step("report", f"write {EIO} /report", f"read {EIO} /report")
says("with report the guest sees errors", "write failed", "read failed")
first = q.events and q.events[0] or q.get()
q.events.clear()
said("... and the event says what", first["event"] == "BLOCK_IO_ERROR" and first["data"] == failure("report", "write", "report"), first)
step("reported")
says("... and none when there are none", "write worked", "read worked")

step("ignore", f"write {EIO} /ignore")
says("with ignore the guest sees none", "write worked")
q.ask("query-status")
said("... but they are told", {e["data"]["action"] for e in q.events if e["data"]["device"] == "ignore"} == {"ignore"}, q.events)
q.events.clear()

step("stop", f"write {EIO} /stops")
events("with stop the machine stands", failure("stops", "write", "stop"), "STOP")
stands("... as io-error", "stops", "failed")
after_a_while(("stops", "write", "stop"), "failed")
says("... and the guest sees nothing of it", "write worked", "sum " + hashlib.sha256(bytes(512 << 10) + open(work + "/stops", "rb").read()[512 << 10:]).hexdigest())

step("full", f"write {ENOSPC} /full")
events("a full disk stops it as nothing else is said", failure("full", "write", "stop", True), "STOP")
stands("... as io-error", "full", "nospace")
after_a_while(("full", "write", "stop", True), "nospace")
whole = open(work + "/report", "rb").read() + bytes(3 << 20)
says("... and nothing is lost", "write worked", "sum " + hashlib.sha256(whole).hexdigest())

step("reads", f"read {EIO} /reads")
events("with rerror=stop reads wait", failure("reads", "read", "stop"), "STOP")
stands("... as io-error", "reads", "failed")
after_a_while(("reads", "read", "stop"), "failed")
says("... and read what is there", "read worked", "sum " + sum_of(work + "/reads"))

step("sync", f"sync {EIO} /sync")
says("a flush that fails is an error", "write failed")
step("synced")
says("... and so are all that come after it: what was lost is not known", "write failed")
says("the guest ends", "end")
said("... in order", m.ended() == 0, m.err)
said("stops are told on stderr, too", m.err.decode().count("the machine is stopped; `cont` tries it again") == 6, m.err)
