"""A file system on a disk whose image has no room: see errors.long."""
import os
import sys
import time

from machine import Line, Machine, Qmp, said

work, guest, fmt = sys.argv[1:]
room, step = work + "/room", 4 << 20


def fill(left):
    """Leaves that much of the host's file system."""
    with open(room + "/filler", "ab") as file:
        stat = os.statvfs(room)
        size = file.tell() + stat.f_bavail * stat.f_frsize - left
        os.truncate(room + "/filler", min(size, file.tell()))
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        except OSError:
            pass


fill(step)
m = Machine(
    "-m", "512", "-kernel", guest + "/kernel", "-initrd", work + "/initrd", "-append", "console=ttyS0 panic=-1 quiet",
    "-serial", "stdio", "-no-reboot", "-qmp", f"unix:{work}/qmp,server=on,wait=off",
    "-drive", f"if=none,id=disk,file={room}/image,format={fmt}", "-device", "virtio-blk-device,drive=disk")
q = Qmp(work + "/qmp")
q.ask("qmp_capabilities")
stops, end = 0, time.time() + 600
while time.time() < end:
    while not q.events and (event := q.get()):
        q.events.append(event)
    event = q.events.pop(0)["event"] if q.events else None
    if event in (None, "SHUTDOWN"):
        break
    if event == "STOP":
        stops += 1
        filler = os.path.getsize(room + "/filler")
        os.truncate(room + "/filler", max(filler - step, 0))
        q.ask("cont")
console = Line(m.process.stdout.fileno()).until("reboot: Power down", 30)
said(f"{fmt}: a file system under load, with a disk that is full {stops} times", stops >= 5, stops)
status = m.ended()
got = [line[5:].strip() for line in console.splitlines() if line.startswith("TEST ")]
said("... the guest sees nothing of it", got == ["read back", "unmounted", "end"] and status == 0, (status, console[-2000:]))
