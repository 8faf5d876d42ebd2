"""A machine under test, and what may be at the other ends of its lines."""
import atexit
import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time

RHEA = os.environ["RHEA"]
PIPE = subprocess.PIPE
LIMIT = 30  # seconds that anything may take
failed = 0


def said(name, good, got=None):
    """Prints the line of one test."""
    global failed
    if not good:
        failed = 1
        print("got:", str(got)[:1000])
    print("ok" if good else "not ok", name, flush=True)


class Machine:
    """A machine; one that waits for a client first writes that to its stderr."""

    def __init__(self, *options, board="virt", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
        atexit.register(self.kill)
        self.process = subprocess.Popen(
            [RHEA, "boot", "-M", board, "-display", "none", *options],
            stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, **more)

    def ended(self):
        """Its exit status; the signal negated."""
        try:
            self.out, self.err = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out, self.err = self.process.communicate()
            return "hangs"
        return self.process.returncode

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Line:
    """Bytes both ways, over a descriptor."""

    def __init__(self, fd, owner=None):
        self.fd = fd
        self.owner = owner
        self.seen = b""
        os.set_blocking(fd, True)

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        while data:
            data = data[os.write(self.fd, data):]

    def get(self, limit=LIMIT):
        """What comes next; b"": nothing more, or not in time."""
        if not select.select([self.fd], [], [], limit)[0]:
            return b""
        try:
            return os.read(self.fd, 65536)
        except OSError:
            return b""

    def until(self, want, limit=LIMIT):
        """Reads up to `want`: everything up to there, or what there is."""
        want = want if isinstance(want, bytes) else want.encode()
        end = time.time() + limit
        while want not in self.seen:
            more = self.get(max(0, end - time.time()))
            if not more:
                break
            self.seen += more
        at = self.seen.find(want)
        at = len(self.seen) if at < 0 else at + len(want)
        got, self.seen = self.seen[:at], self.seen[at:]
        return got.decode(errors="replace")

    def close(self):
        if self.owner:
            self.owner.close()
        else:
            os.close(self.fd)


def connect(where, limit=LIMIT):
    """A line to a path or a port of the loopback interface, when somebody listens there."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    end = time.time() + limit
    while True:
        sock = socket.socket(family)
        try:
            sock.connect(where if family == socket.AF_UNIX else ("127.0.0.1", where))
            return Line(sock.fileno(), sock)
        except OSError:
            sock.close()
            if time.time() > end:
                raise
            time.sleep(0.05)


class Qmp:
    """A client of a -qmp."""

    def __init__(self, path):
        self.line = connect(path)
        self.events = []
        self.greeting = self.get()

    def get(self):
        text = self.line.until("\r\n")
        return json.loads(text) if text else None

    def ask_raw(self, data):
        """The answer; events on the way are kept."""
        self.line.send(data)
        return self.answer()

    def answer(self):
        while True:
            got = self.get()
            if got is None or "event" not in got:
                return got
            self.events.append(got)

    def ask(self, command, **arguments):
        got = self.ask_raw(json.dumps({"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}) + "\n")
        return got.get("return", got)

    def event(self, name):
        """The next event, if it is called so."""
        while not self.events:
            got = self.get()
            if got is None:
                return None
            self.events.append(got)
        event = self.events.pop(0)
        return event if event["event"] == name else None


def on_terminal(*options):
    """A machine whose terminal is ours; its line, the terminal, and its state before."""
    ours, its = pty.openpty()
    before = termios.tcgetattr(its)
    m = Machine(*options, stdin=its, stdout=its, start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    return m, Line(ours), its, before


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
