"""packets.py RHEA FOLDER: a client of `rhea run -g` that speaks the protocol by hand."""
import os
import random
import socket
import subprocess
import sys

RHEA, WORK = sys.argv[1:3]
SYMBOLS = dict((line.split()[2], int(line.split()[0], 16)) for line in open(WORK + "/symbols")
               if len(line.split()) == 3)


class Session:
    """A guest and the socket to it."""

    def __init__(self, *args, ack=False):
        ours, theirs = socket.socketpair()
        ours.settimeout(60)
        self.socket = ours
        self.guest = subprocess.Popen([RHEA, "run", "-g", "-", WORK + "/basics", *args],
                                      stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
        theirs.close()
        self.bytes = b""
        if not ack:
            self.ask("QStartNoAckMode")

    def send(self, body):
        if isinstance(body, str):
            body = body.encode("latin-1")
        self.socket.sendall(b"$" + body + b"#%02x" % (sum(body) & 255))

    def answer(self):
        while True:
            start = self.bytes.find(b"$")
            end = self.bytes.find(b"#", start)
            if start >= 0 and 0 <= end <= len(self.bytes) - 3:
                body = self.bytes[start + 1:end]
                self.bytes = self.bytes[end + 3:]
                return body.decode("latin-1")
            more = self.socket.recv(65536)
            if not more:
                return None
            self.bytes += more

    def ask(self, body):
        self.send(body)
        return self.answer()

    def end(self):
        self.socket.close()
        out = self.guest.stderr.read().decode("latin-1")
        self.guest.stderr.close()
        return self.guest.wait(60), out


def check(name, good, why=""):
    print("ok " + name if good else "%s\nnot ok %s" % (why, name), flush=True)


def watch_every_write():
    """A watchpoint of one byte reports each of its ten writes, and nothing else."""
    s = Session()
    addr = SYMBOLS["hot"] + 3
    answers = [s.ask("Z2,%x,1" % addr)]
    while len(answers) < 30:
        answers.append(s.ask("vCont;c"))
        if not answers[-1].startswith("T"):
            break
    stops = [a for a in answers if "watch:%x;" % addr in a]
    check("watch: ten writes are ten stops", len(stops) == 10 and answers[-1] == "W07", str(answers))
    s.end()


def calls_are_caught():
    s = Session()
    s.ask("QCatchSyscalls:1;40;5e")
    stops = [s.ask("vCont;c") for _ in range(4)]
    check("system calls are caught", "syscall_entry:40" in stops[0] and
          "syscall_return:40" in stops[1] and "syscall_entry:5e" in stops[2] and
          stops[3] == "W07", str(stops))
    s.end()


def acknowledged():
    s = Session(ack=True)
    s.socket.sendall(b"$?#00")
    first = s.socket.recv(1)
    s.socket.sendall(b"$?#3f")
    good = first == b"-" and (s.answer() or "").startswith("T05")
    s.socket.sendall(b"-")
    good = good and (s.answer() or "").startswith("T05")
    check("a bad sum is refused, a reply sent again", good)
    s.end()


ODD = ["mffffffffffffffff,ffffffffffffffff", "m0,ffffffffffffffff", "m", "m1", "M0,4:0102",
       "Mffffffffffffffff,1:00", "X0,4:ab", "G", "G00", "P", "P999=00", "P20=", "p", "pffffffff",
       "Z", "Z0", "Z0,0", "Z9,0,0", "Z2,0,0", "Z2,ffffffffffffffff,ffffffffffffffff",
       "z2,ffffffffffffffff,ffffffffffffffff", "vCont", "vCont;", "vCont;x", "vCont;s:p-1.-1.-1",
       "vCont;c:pffffffff.1", "vCont;C", "vCont" + ";s:1" * 300, "Hg", "Hgp0.99", "Hx0", "T0", "T-1",
       "qXfer:features:read:target.xml:", "qXfer:features:read:target.xml:ffffffffffffffff,1",
       "qXfer:features:read:../../etc/passwd:0,100", "qXfer:features:write:target.xml:0:x",
       "qXfer:auxv:read::ffffffffffffffff,ffffffffffffffff", "qXfer", "qXfer:::::",
       "qThreadExtraInfo,", "QPassSignals:" + "ff;" * 4000, "QCatchSyscalls:1" + ";1" * 5000,
       "vFile:open:,,", "vFile:open:2f6574632f706173737764,2,0", "vFile:pread:ffffffff,1,0",
       "vFile:pread:0,ffffffffffffffff,ffffffffffffffff", "vFile:close:3", "vFile:fstat:-1",
       "vFile:readlink:", "vFile:unlink:2f746d70", "vRun;zz", "vKill;1", "D;1", "R", "bc", "bs",
       "\xff\xfe", "", "}", "}}}}", "qSupported:" + "x;" * 5000, "m" * 16384, "qC" * 500]


def odd_packets():
    s = Session()
    bad = []
    for packet in ODD:
        answer = s.ask(packet)
        if answer is None or len(answer) > 16384:
            bad.append(packet[:40])
            break
    s.ask("vCont?")
    good = s.ask("vCont;c")
    check("odd packets are answered", not bad and good == "W07", "%s %s" % (bad, good))
    s.end()


def many_breakpoints():
    s = Session()
    refused = 0
    for i in range(0, 20000, 100):
        for k in range(i, i + 100):
            s.send("Z0,%x,2" % (0x100000 + 2 * k))
        refused += sum(s.answer() != "OK" for _ in range(100))
    check("breakpoints are bounded", 0 < refused < 20000 and s.ask("vCont;c") == "W07", str(refused))
    s.end()


def too_long():
    s = Session()
    s.socket.sendall(b"$" + b"m" * 1000000 + b"#00")
    first = s.answer()
    check("a packet of a megabyte", first == "E16" and s.ask("vCont;c") == "W07", str(first))
    s.end()


def goes_away():
    """In the middle of a packet, and of a run: the guest goes on."""
    s = Session()
    s.ask("Z0,%x,2" % SYMBOLS["leaf"])
    s.socket.sendall(b"$m0,")
    first = s.end()
    s = Session()
    s.ask("Z2,%x,1" % SYMBOLS["counter"])
    s.send("vCont;c")
    second = s.end()
    check("the guest outlives its client", first[0] == 7 and second[0] == 7 and
          "sum 104" in first[1] + "", str((first, second)))


def interrupts():
    s = Session("loop")
    stops = []
    for _ in range(20):
        s.send("vCont;c")
        s.socket.sendall(b"\x03" * 50)
        stops.append(s.answer())
    check("a storm of interrupts", all(a and a.startswith("T02") for a in stops), str(stops))
    s.send("k")
    status = s.end()[0]
    check("kill", status == -9, str(status))


def noise():
    """Random bytes, and random packets with good sums."""
    random.seed(1)
    bad = 0
    for round in range(8):
        s = Session()
        try:
            for _ in range(200):
                if round % 2:
                    packet = bytearray(random.choice(ODD).encode("latin-1")[:200] or b"?")
                    packet[random.randrange(len(packet))] = random.choice(b"0f;:,.-p=%Zmgqv")
                    if packet[:1] not in b"kR" and not packet.startswith(b"v") and packet[:1] not in b"D":
                        s.send(bytes(packet))
                else:
                    s.socket.sendall(bytes(random.randrange(256) for _ in range(50)))
        except OSError:
            pass
        status, out = s.end()
        bad += "BUG" in out or status in (-11, -6, 70)
    check("noise", bad == 0, str(bad))


for test in (watch_every_write, calls_are_caught, acknowledged, odd_packets, many_breakpoints, too_long,
             goes_away, interrupts, noise):
    test()
