"""qtest drives devices without a CPU: see monitor.test."""
import base64
import sys

import machine
from machine import Line, Machine, said
import socket

work = sys.argv[1]
server = socket.socket(socket.AF_UNIX)
server.bind(work + "/qtest")
server.listen()
m = Machine("-bios", "none", "-accel", "qtest", "-qtest", f"unix:{work}/qtest", "-qtest-log", "none",
            "-serial", f"file:{work}/serial", "-device", "virtio-rng-device")
line = Line(server.accept()[0].detach())
irqs = []


def ask(command):
    """The answer; lines that change on the way are kept."""
    line.send(command + "\n")
    while True:
        got = line.until("\n").rstrip("\n")
        if not got.startswith("IRQ "):
            return got
        irqs.append(got)


def asked(name, command, want):
    got = ask(command)
    said(name, got == want, got)


UART, PLIC, CLINT, VIRTIO, RAM = 0x10000000, 0xc000000, 0x2000000, 0x10008000, 0x80000000

asked("endianness", "endianness", "OK little")
asked("a register", f"readb {UART + 5:#x}", "OK 0x0000000000000060")
asked("memory: a word is written", f"writel {RAM:#x} 0x12345678", "OK")
asked("... and its bytes read", f"readb {RAM + 1}", "OK 0x0000000000000056")
asked("... all of them", f"read {RAM:#x} 6", "OK 0x785634120000")
asked("bytes", f"write {RAM:#x} 4 0x616263ff", "OK")
asked("... as base64", f"b64read {RAM:#x} 4", "OK " + base64.b64encode(b"abc\xff").decode())
asked("base64", f"b64write {RAM:#x} 5 {base64.b64encode(b'hello').decode()}", "OK")
asked("...", f"read {RAM:#x} 5", "OK 0x" + b"hello".hex())
asked("memset", f"memset {RAM:#x} 3 0x5a", "OK")
asked("...", f"readq {RAM:#x}", "OK 0x0000006f6c5a5a5a")
asked("nothing is there", "readl 0x10", "FAIL nothing answers there")
asked("no such command", "nonsense 1", "FAIL Unknown command 'nonsense'")
asked("too few words", "writel 1", "FAIL wrong arguments")
asked("no number", "readl x", "FAIL wrong arguments")
asked("too much", f"read {RAM:#x} 99999999999", "FAIL a size is from 1 to 1048576")
line.send("x" * 4000000 + "\n")
said("a line that is too long", line.until("\n") == "FAIL the line is too long\n")

# the UART: what is written, and its line to the PLIC
asked("listens to the UART", "irq_intercept_out /machine/uart0", "OK")
asked("listens to the PLIC", "irq_intercept_in cpu0", "OK")
asked("no such device", "irq_intercept_in nobody", "FAIL Unknown device")
ask(f"writeb {UART:#x} {ord('A')}")
ask(f"writel {PLIC + 40:#x} 1")
ask(f"writel {PLIC + 0x2000:#x} {1 << 10:#x}")
irqs.clear()
asked("an interrupt of the UART", f"writeb {UART + 1:#x} 2", "OK")
said("... reaches the CPU", irqs == ["IRQ raise 11", "IRQ raise 0"] or irqs == ["IRQ raise 0", "IRQ raise 11"], irqs)
asked("... claimed", f"readl {PLIC + 0x200004:#x}", "OK 0x000000000000000a")
said("... falls", "IRQ lower 11" in irqs, irqs)
asked("... the UART's cause", f"readb {UART + 2:#x}", "OK 0x0000000000000002")
irqs.clear()
asked("completed", f"writel {PLIC + 0x200004:#x} 10", "OK")
asked("a source by hand", "set_irq_in /machine/plic unnamed 10 1", "OK")
said("... raises the CPU's line", "IRQ raise 11" in irqs, irqs)

# time
irqs.clear()
asked("time stands still", f"readq {CLINT + 0xbff8:#x}", "OK 0x0000000000000000")
ask(f"writeq {CLINT + 0x4000:#x} 1000")
asked("a step", "clock_step 99900", "OK 99900")
said("... before the timer", irqs.count("IRQ raise 7") == 0, irqs)
asked("... to the timer", "clock_step", "OK 100000")
said("... which fires", irqs.count("IRQ raise 7") == 1, irqs)
asked("a time", "clock_set 1000000000", "OK 1000000000")
asked("... that the guest sees", f"readq {CLINT + 0xbff8:#x}", "OK 0x0000000000989680")

# virtio-rng by virtio-mmio: one descriptor of 16 bytes
said("a virtio device", ask(f"readl {VIRTIO:#x}") == "OK 0x0000000074726976" and ask(f"readl {VIRTIO + 8:#x}") == "OK 0x0000000000000004")
for status in (1, 3):
    ask(f"writel {VIRTIO + 0x70:#x} {status}")
ask(f"writel {VIRTIO + 0x24:#x} 1")
ask(f"writel {VIRTIO + 0x20:#x} 1")  # VIRTIO_F_VERSION_1
ask(f"writel {VIRTIO + 0x70:#x} 11")
ring, avail, used, data = RAM + 0x1000, RAM + 0x2000, RAM + 0x3000, RAM + 0x4000
ask(f"writel {VIRTIO + 0x30:#x} 0")
ask(f"writel {VIRTIO + 0x38:#x} 8")
for offset, at in ((0x80, ring), (0x90, avail), (0xa0, used)):
    ask(f"writel {VIRTIO + offset:#x} {at & 0xffffffff:#x}")
    ask(f"writel {VIRTIO + offset + 4:#x} {at >> 32:#x}")
ask(f"writel {VIRTIO + 0x44:#x} 1")
ask(f"writel {VIRTIO + 0x70:#x} 15")
ask(f"memset {ring:#x} 0x3000 0")
ask(f"writeq {ring:#x} {data:#x}")
ask(f"writel {ring + 8:#x} 16")
ask(f"writew {ring + 12:#x} 2")  # the device writes
ask(f"memset {data:#x} 32 0")
ask(f"writew {avail + 2:#x} 1")
asked("a queue is told of", f"writel {VIRTIO + 0x50:#x} 0", "OK")
for _ in range(200):
    if ask(f"readw {used + 2:#x}") != "OK 0x0000000000000000":
        break
asked("... and was served", f"readw {used + 2:#x}", "OK 0x0000000000000001")
asked("... with 16 bytes", f"readl {used + 8:#x}", "OK 0x0000000000000010")
got = ask(f"read {data:#x} 32")
said("... of chance, and no more", len(got) == 5 + 64 and got[5:37] != "0" * 32 and got[37:] == "0" * 32, got)
line.close()
m.signal(15)
said("it ends", m.ended() == 0, m.err)
said("what the UART was told went out", open(work + "/serial").read() == "A")
sys.exit(machine.failed)
