"""Serial lines: see console.test."""
import os
import re
import signal
import socket
import sys
import termios
import time

import machine
from machine import Line, Machine, connect, free_port, on_terminal, said

work = sys.argv[1]
path = work + "/line"
bare = ("-bios", "none", "-kernel", work + "/echo")


def talk(name, line, machine_):
    """Somebody at a line, and the machine that it ends."""
    line.send("abc")
    got = line.until("abc")
    line.send("q")
    status = machine_.ended()
    said(name, got.endswith("abc") and status == 7, (got, status))


# ------------------------------------------------------------------------- sockets

m = Machine(*bare, "-serial", f"unix:{path},server=on,wait=on")
talk("a path that the machine waits at", connect(path), m)
said("... and says so; the path goes with it",
     b"waiting for connection on: disconnected:unix:" in m.err and not os.path.exists(path), m.err)

m = Machine(*bare, "-serial", f"unix:{path},server,nowait")
for name in ("a path in the old spelling", "another client of the same line"):
    line = connect(path)
    line.send("xyz")
    said(name, line.until("xyz").endswith("xyz"))
    line.close()
line = connect(path)
line.send("f")
time.sleep(0.2)  # a client that does not read
got = line.until("F")
said("a slow reader loses nothing", got.count(".") == 10000, len(got))
line.send("f")
line.get()
line.close()  # in the middle of it
talk("a client that goes in the middle; the next one", connect(path), m)

port = free_port()
m = Machine(*bare, "-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")
talk("a port", connect(port), m)
port = free_port()
m = Machine(*bare, "-chardev", f"socket,id=c,port={port},host=127.0.0.1,server=on,wait=off", "-serial", "chardev:c")
talk("a port by -chardev", connect(port), m)

port = free_port()
m = Machine(*bare, "-serial", f"telnet::{port},server,wait=off")
line = connect(port)
line.send(b"\xff\xfd\x03\xff\xfa\x18\0xterm\xff\xf0a\xff\xff")
got = line.until(b"a\xff".decode("latin1").encode("latin1"))
said("telnet: options are neither echoed nor kept", got.endswith("a\ufffd") and "xterm" not in got, got)
line.send("q")
m.ended()

server = socket.socket(socket.AF_UNIX)
server.bind(work + "/server")
server.listen()
m = Machine(*bare, "-serial", f"unix:{work}/server")
talk("connects to a server", Line(server.accept()[0].detach()), m)

m = Machine(*bare, "-serial", f"unix:{work}/nobody")
said("nobody is there", m.ended() == 1 and b"rhea: -serial unix:" in m.err and b"No such file" in m.err, m.err)

# --------------------------------------------------------- pseudo-terminals, pipes, files

m = Machine(*bare, "-serial", "pty")
text = Line(m.process.stdout.fileno()).until("\n")
found = re.match(r"char device redirected to (/dev/pts/\d+) \(label serial0\)\n", text)
said("a pseudo-terminal says where it is", found, text)
for i in range(2):
    line = Line(os.open(found.group(1), os.O_RDWR | os.O_NOCTTY))
    line.send("abc")
    said(f"pseudo-terminal, user {i + 1}", line.until("abc").endswith("abc"))
    line.close()
talk("pseudo-terminal, the last user", Line(os.open(found.group(1), os.O_RDWR | os.O_NOCTTY)), m)

os.mkfifo(work + "/fifo.in")
os.mkfifo(work + "/fifo.out")
m = Machine(*bare, "-serial", f"pipe:{work}/fifo")
out = Line(os.open(work + "/fifo.out", os.O_RDONLY))
into = Line(os.open(work + "/fifo.in", os.O_WRONLY))
into.send("abc")
got = out.until("abc")
into.send("q")
said("two pipes", got.endswith("abc") and m.ended() == 7, got)

with open(work + "/input", "w") as file:
    file.write("12q")
m = Machine(*bare, "-chardev", f"file,id=f,path={work}/log,input-path={work}/input", "-serial", "chardev:f")
said("a file, and one for input", m.ended() == 7 and open(work + "/log").read() == ">12")
m = Machine(*bare, "-chardev", f"file,id=f,path={work}/log,append=on,input-path={work}/input", "-serial", "chardev:f")
said("a file that grows", m.ended() == 7 and open(work + "/log").read() == ">12>12")

# ----------------------------------------------------------------------- the terminal

m, line, its, before = on_terminal(*bare, "-nographic")
line.until(">")
said("the terminal is raw", not termios.tcgetattr(its)[3] & (termios.ICANON | termios.ECHO | termios.ISIG))
line.send(b"a\x01\x01b\x03")
said("Ctrl-A Ctrl-A and Ctrl-C are the guest's", line.until("\x03") == "a\x01b\x03")
line.send(b"\x01h")
said("Ctrl-A h helps", "C-a x    exit emulator" in line.until("sends C-a"))
line.send(b"\x01t")
line.send("1\n2\n")
said("Ctrl-A t: time before each line", re.search(r"\[00:\d\d:\d\d\.\d\d\d\] 2", line.until("2\r\n")))
line.send(b"\x01x")
said("Ctrl-A x", "rhea: Terminated" in line.until("Terminated") and m.ended() == 0)
said("... and the terminal is as before", termios.tcgetattr(its) == before)

for number, want in ((signal.SIGTERM, 0), (signal.SIGHUP, 0)):
    m, line, its, before = on_terminal(*bare, "-nographic")
    line.until(">")
    m.signal(number)
    status = m.ended()
    said(f"{number.name}: the terminal is as before", termios.tcgetattr(its) == before and status == want, status)

m, line, its, before = on_terminal("-serial", "mon:stdio", "-bios", "none", "-kernel", work + "/none")
said("an error at the start: the terminal is as before", m.ended() == 1 and termios.tcgetattr(its) == before)

m, line, its, before = on_terminal(*bare, "-serial", "stdio")
line.until(">")
line.send(b"\x03")
said("without mon: Ctrl-C ends it", m.ended() == 0 and termios.tcgetattr(its) == before)

# ------------------------------------------------------------------------------ errors


def refused(want, *options):
    m = Machine(*options)
    said("refused: " + " ".join(options), m.ended() == 1 and m.err.decode() == f"rhea: {want}\n", m.err)


refused("-serial tcp:nohost: want HOST:PORT", "-serial", "tcp:nohost")
refused("-serial tcp:h:99999: `99999` is not a port", "-serial", "tcp:h:99999")
refused("-serial odd: `odd` is not supported; there are null, stdio, file, pipe, pty, socket", "-serial", "odd")
refused("-serial unix:x,odd=1: odd=1 is not supported", "-serial", "unix:x,odd=1")
refused("-serial: there is no -chardev with id=x", "-serial", "chardev:x")
refused("-chardev null: want id=NAME", "-chardev", "null")
refused("-chardev file,id=a: a file wants a path", "-chardev", "file,id=a")
refused("-serial: chardev a has a user already; to share it, say mux=on",
        "-chardev", "null,id=a", "-serial", "chardev:a", "-serial", "chardev:a")
refused("-chardev null,id=a: there is a -chardev with id=a already",
        "-chardev", "null,id=a", "-chardev", "null,id=a")
refused("-serial unix:x,wait=odd: wait=odd is not supported", "-serial", "unix:x,wait=odd")
sys.exit(machine.failed)
