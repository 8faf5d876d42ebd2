"""The monitor of a person: see monitor.test."""
import os
import re
import sys
import time

import machine
from machine import Machine, connect, free_port, on_terminal, said

work = sys.argv[1]
path = work + "/monitor"
bare = ("-bios", "none", "-kernel", work + "/echo")


class Monitor:
    """A client of -monitor unix:..."""

    def __init__(self):
        self.line = connect(path)
        self.line.until("(rhea) ")

    def ask(self, command):
        """What it says: without the echo of the command, and the prompt."""
        self.line.send(command + "\n")
        self.line.until("\n")
        return self.line.until("(rhea) ").replace("\r\n", "\n").removesuffix("(rhea) ")


def start(*options):
    return Machine(*options, "-monitor", f"unix:{path},server=on,wait=off"), Monitor()


def asked(name, command, *wants):
    """Whether each of `wants` is somewhere in what it says."""
    got = mon.ask(command)
    said(name, all(re.search(want, got, re.M) for want in wants), got)


# ------------------------------------------------------------------------ standing still

port = free_port()
m, mon = start(*bare, "-serial", f"unix:{work}/line,server=on,wait=off", "-S", "-smp", "2", "-name", "guest=it",
               "-uuid", "01234567-89ab-cdef-0123-456789abcdef", "-netdev", "user,id=n0",
               "-drive", f"file={work}/disk,format=raw,id=d0,if=none", "-device", "pcie-root-port,id=port,addr=2")
asked("-S", "info status", r"^VM status: paused \(prelaunch\)$")
asked("registers at reset", "info registers", r"^CPU#0$", r"^ pc       0000000000001000$", r"^ mstatus  0000000a00000000$",
      r"x10/a0   0{16} x11/a1   0{16}$", r"^ satp     0{16}$")
asked("of all CPUs", "info registers -a", r"^CPU#1$")
asked("instructions", "x/2i 0x80000000", r"^0x80000000:  f14022f3          csrr t0, mhartid$")
asked("words", "xp/5xw 0x80000000", r"^0000000080000000: 0xf14022f3 0x[0-9a-f]{8} 0x[0-9a-f]{8} 0x[0-9a-f]{8}$",
      r"^0000000080000010: 0x[0-9a-f]{8}$")
asked("bytes, halves, giants", "xp/2xb 0x80000000", ": 0xf3 0x22$")
asked("decimal", "xp/1dh 0x80000002", ": -3776$")
asked("characters", "xp/1c 0x80000001", ": '\"'$")
asked("nothing is there", "x 0x10", "Cannot access memory at address 0x10")
asked("an expression", "print ($pc + 4*3 - 2) & 0xfff | 7", "^0x1?f$")
asked("decimal of it", "p/d -5", "^-5$")
asked("a system register", "p $mhartid + $mstatus", "^0xa00000000$")
asked("a division by zero", "p 1/0", "division by zero")
asked("too many brackets", "p " + "(" * 500, "too deep")
asked("no such register", "p $nonsense", "unknown register")
asked("another CPU", "cpu 1", "^$")
asked("... is looked at", "p $mhartid", "^0x1$")
asked("... and marked", "info cpus", r"^\* CPU #1: thread_id=")
asked("no such CPU", "cpu 2", "invalid CPU index")
asked("addresses", "gva2gpa 0x80000123", "^gpa: 0x80000123$")
mon.ask(f"pmemsave 0x80000000 6 {work}/saved")
said("memory is saved", open(work + "/saved", "rb").read() == b"\xf3\x22\x40\xf1\x63\x98")
asked("... not where there is none", f"memsave 0x10 6 {work}/saved", "Error: .*: there is no memory")
asked("a map", "info mtree", r"^    0000000010000000-00000000100000ff \(prio 0, i/o\): uart0$",
      r"^    0000000080000000-0000000087ffffff \(prio 0, ram\): ram$")
asked("... flat", "info mtree -f", r": ram$")
asked("... not otherwise", "info mtree -q", "^invalid option: -q$")
asked("memories", "info ramblock", "^ +ram  0x0000000080000000 0x0000000008000000$")
asked("how much", "info memory_size_summary", "^base memory: 134217728$")
asked("where it is", "gpa2hva 0x80000000", r"^Host virtual address for 0x80000000 \(ram\) is 0x")
asked("... not of registers", "gpa2hva 0x10000000", "is not RAM$")
asked("... or of nothing", "gpa2hva 0x10", "^No memory is mapped")
asked("a sum, as QEMU's", "sum 0x80000000 2", f"^{((0xf3 >> 1 | (0xf3 & 1) << 15) + 0x22) & 0xffff:05}$")
asked("page tables", "info mem", "^No translation or protection$")
asked("another CPU's registers", "info registers 0", "^CPU#0$")
asked("... that there is not", "info registers 2", "^CPU#2 not available$")
asked("PCI", "info pci", r"^  Bus  0, device   0, function 0:\n    Host bridge: PCI device 1b36:0008$",
      r"Bus  0, device   2, function 0:\n    PCI bridge: PCI device 1b36:000c$", '      id "port"$')
asked("a device's state", "info device uart0", "^uart0 \\(uart16550\\)\n  divisor = 0x")
asked("... of none", "info device nonsense", "Error: the machine has no device `nonsense'")
asked("interrupt controllers", "info pic", "^plic ")
asked("kinds", "info qdm", '^name "virtio-net-pci", bus pci$')
asked("paths", "info qom-tree", "^  /uart0 \\(uart16550\\)$")
asked("a break", "chardev-send-break serial0", "^$")
asked("... of none", "chardev-send-break nonsense", "Error: there is no -chardev")
asked("devices", "info qtree", r'^  dev: uart16550, id "uart0"\n    gpio-out "sysbus-irq" 1\n    chardev = "connected"')
asked("disks", "info block", r"^d0: .*/disk \(raw\)$")
asked("what they did", "info blockstats", "^d0: rd_bytes=0 wr_bytes=0 ")
asked("lines", "info chardev", "^serial0: filename=disconnected:unix:.*/line,server=on$", "^compat_monitor0: filename=unix:")
asked("networks", "info network", "^n0: index=0,type=user$")
asked("a port is forwarded", f"hostfwd_add tcp:127.0.0.1:{port}-:22", "^$")
asked("... and seen", "info usernet", rf"TCP\[HOST_FORWARD\] .* {port} +10.0.2.15 +22 ")
asked("... and no more", f"hostfwd_remove tcp:127.0.0.1:{port}", "removed$")
asked("... which is said", f"hostfwd_remove tcp:127.0.0.1:{port}", "Error: .*not found")
asked("a wrong rule", "hostfwd_add nonsense", "Error: user: hostfwd is")
asked("a name", "info name", "^it$")
asked("a UUID", "info uuid", "^01234567-89ab-cdef-0123-456789abcdef$")
asked("help", "help", r"^quit\|q", r"^x /fmt addr -- ")
asked("help of one", "help info", "^info registers ")
asked("a command that there is not", "nonsense x", "^unknown command: 'nonsense'$")
asked("too many arguments", "p 1 2", "unexpected at the end")
asked("a power button", "system_powerdown", "no power button")
asked("a medium", "eject d0", "Error: Device 'd0' is not removable")

# ------------------------------------------------------------------------------ running

line = connect(work + "/line")
mon.ask("cont")
said("cont: it runs", line.until(">") == ">")
asked("... and says so", "info status", "^VM status: running$")
asked("threads", "info cpus", "^  CPU #0: thread_id=[1-9]")
# CPU 1 may not have run yet.
asked("registers of a CPU that runs", "info registers", "^ pc       00000000(8000|00001000)")
mon.ask("cpu 0")
asked("a TLB", "info tlb", "^0000000010000000: 0000000010000000 r")
asked("log", f"logfile {work}/log", "^$")
asked("... of items", "log int,mmu", "^$")
asked("... that there are", "log int,nonsense", "Error: there is no item `nonsense'; see log help")
asked("... not of code", "log in_asm", "Error: .* at the start")
asked("a trace", "trace-event uart0.RBR* on", "^$")
asked("... is shown", "info trace-events", "^uart0 : state 1$", "^plic : state 0$")
asked("... of a device", "trace-event nonsense on", "Error: nonsense: the machine has no such device")
line.send("w")
line.until("w")
mon.ask("system_reset")
line.until(">")
asked("... no more", "trace-event * off", "^$")
asked("no log", "log none", "^$")
with open(work + "/log") as log:
    log = log.read()
said("... all of it", "mmu: cpu" in log and re.search("^uart0.RBR/THR write 0x77$", log, re.M) and "MCR" not in log, log)
line.send("v")
line.until("v")
with open(work + "/log") as again:
    said("... and then nothing", again.read() == log)
mon.ask("stop")
line.send("x")
said("stop: it stands", line.get(0.2) == b"")
mon.ask("c")
said("... and goes on", line.until("x") == "x")
mon.ask("system_reset")
said("a reset", line.until(">") == ">")
mon.line.send("info sta\t\ninfo versiom\x7fn\nnonsense\x15info name\n")
got = mon.line.until("it\r\n")
said("Tab, Backspace, Ctrl-U", "VM status: running" in got and "rhea development version" in got and got.endswith("it\r\n"), got)
mon.line.until("(rhea) ")
mon.line.send("\x1b[A\x1b[A\x1b[A\n")
said("earlier lines", "VM status" in mon.line.until("(rhea) "))
mon.line.close()
mon = Monitor()
asked("another client", "info status", "running")
mon.line.send("x/65536xb 0x80000000\n" * 20)  # and reads nothing of it
time.sleep(0.2)
line.send("y")
said("a client that does not read stops nobody", line.until("y") == "y")
mon.line.close()
mon = Monitor()
gdb = free_port()
asked("a server for gdb", f"gdbserver tcp::{gdb}", "Waiting for gdb connection")
client = connect(gdb)
client.send("$?#3f")
client.until("$T")
asked("what gdb has stopped goes on by gdb alone", "cont", "Error: a debugger has stopped")
asked("one debugger", "gdbserver none", "Error: a debugger is connected")
client.send("+$vCont;c#a8")
client.until("+")
line.send("z")
said("... which it does", line.until("z") == "z")
mon.ask("stop")
said("what the monitor stops gdb hears", client.until("$T02").endswith("$T02"))
mon.line.send("quit\n")
said("quit", m.ended() == 0)

# ------------------------------------------------------------------------ a shared line

m, line, its, before = on_terminal(*bare, "-nographic")
line.until(">")
line.send("\x01c")
said("Ctrl-A c: the monitor", "monitor" in line.until("(rhea) "))
line.send("info status\r")
said("... has the keys", "VM status: running" in line.until("(rhea) "))
line.send("\x01cabc")
said("Ctrl-A c: the guest has them", line.until("abc").endswith("abc"))
line.send("\x01c")
line.until("(rhea) ")
line.send("quit\r")
said("quit", m.ended() == 0)

m = Machine(*bare, "-chardev", f"socket,id=c,path={path},server=on,wait=off,mux=on", "-serial", "chardev:c",
            "-mon", "chardev=c,mode=readline")
line = connect(path)
line.send("1\x01cinfo status\n")
said("a socket is shared", "running" in line.until("running"))
line.send("\x01cq")
said("... by name", m.ended() == 7)

m = Machine(*bare, "-serial", "null", "-monitor", "stdio", stdin=machine.PIPE)
m.process.stdin.write(b"info status\nq\n")
m.process.stdin.close()
m.process.stdin = None
said("commands from a pipe", m.ended() == 0 and b"VM status: running" in m.out, m.out)
sys.exit(machine.failed)
