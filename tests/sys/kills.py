"""Kills machines whose guest writes to a disk: see kills.long and guest/flushes.c."""
import array
import os
import random
import subprocess
import sys
import time

from machine import Line, Machine, said, RHEA

work, guest, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
PLACES, SIZE, LIMIT = 2048, 3072, 120
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
random.seed(seed)


def place(v):
    """Where the guest writes number v."""
    return ((v * 6364136223846793005 + 1442695040888963407) % (1 << 64) >> 33) % PLACES


class Disk:
    """An image, and what it must have: of each place the least number."""

    def __init__(self, name, device, fmt, options=""):
        self.path, self.fmt, self.device, self.is_lazy = f"{work}/{name}", fmt, device, "lazy" in options
        self.least, self.next = [0] * PLACES, 1
        subprocess.run([RHEA, "img", "create", "-q", "-f", fmt, *(["-o", options] if options else []), self.path, "40M"],
                       check=True)

    def flushed(self, last):
        """The guest has said so."""
        for v in range(self.next, last + 1):
            self.least[place(v)] = v

    def wrong(self):
        """What is not as it must be; None: nothing."""
        if self.fmt != "raw":
            if self.is_lazy:  # it was not closed: counts are made anew
                subprocess.run(["qemu-img", "check", "-q", "-r", "all", self.path], capture_output=True)
            check = subprocess.run(["qemu-img", "check", self.path], capture_output=True, text=True)
            if check.returncode not in (0, 3):  # 3: only leaks
                return check.stdout + check.stderr
        subprocess.run(["qemu-img", "convert", "-f", self.fmt, "-O", "raw", self.path, self.path + ".raw"], check=True)
        with open(self.path + ".raw", "rb") as file:
            words = array.array("Q", file.read(PLACES * SIZE))
        for at in range(PLACES):
            has = words[at * SIZE // 8:(at + 1) * SIZE // 8]
            for v in set(has):
                if v < self.least[at] or (v and place(v) != at):
                    return f"place {at} has {v}, and {self.least[at]} was flushed"
        return None


def killed(disk):
    """One machine more: what is wrong afterwards, and how many flushes there were."""
    m = Machine("-m", "256", "-kernel", guest + "/kernel", "-initrd", work + "/initrd", "-serial", "stdio",
                "-append", f"console=ttyS0 panic=-1 quiet first={disk.next}", "-no-reboot",
                "-drive", f"if=none,id=disk,file={disk.path},format={disk.fmt},discard=unmap",
                "-device", f"{disk.device},drive=disk")
    console = Line(m.process.stdout.fileno())
    text = console.until("safe ", LIMIT)
    if not text.endswith("safe "):
        return "the guest flushes nothing: " + text[-500:], 0
    end = time.time() + random.random() * 0.6
    text = "safe " + console.until("\n", LIMIT) + console.seen.decode(errors="replace")
    while time.time() < end:
        text += console.get(max(0, end - time.time())).decode(errors="replace")
    m.process.kill()
    text += m.process.communicate()[0].decode(errors="replace")
    lines = [line.split() for line in text.replace("\r", "").split("\n")[:-1]]
    numbers = [int(line[1]) for line in lines if len(line) == 2 and line[0] == "safe"]
    if "failed" in text or not numbers:
        return text[-500:], 0
    disk.flushed(max(numbers))
    wrong = disk.wrong()
    disk.next = (max(numbers) // 1000000 + 1) * 1000000
    return wrong, len(numbers)


disks = [Disk("qcow2", "virtio-blk-device", "qcow2"), Disk("small", "virtio-blk-pci", "qcow2", "cluster_size=4096"),
         Disk("lazy", "virtio-blk-device", "qcow2", "lazy_refcounts=on"), Disk("raw", "virtio-blk-pci", "raw")]
wrong, flushes = None, 0
for number in range(kills):
    disk = disks[number % len(disks)]
    wrong, count = killed(disk)
    flushes += count
    if wrong:
        wrong = f"kill {number}, SEED={seed}, {disk.path}: {wrong}"
        break
said(f"{kills} machines killed while they wrote: what was flushed ({flushes} times) is there, and images are clean", not wrong, wrong)
sys.exit(1 if wrong else 0)
