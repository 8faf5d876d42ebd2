"""net.py HOST PORT...: sends much by TCP and UDP to each of these, where it comes back; to
the port behind the last one it only connects."""
import hashlib
import os
import socket
import sys
import threading
import time

BYTES = 4 << 20


def connect(place):
    for _ in range(50):
        try:
            return socket.create_connection(place, timeout=20)
        except OSError:
            time.sleep(0.1)
    return socket.create_connection(place, timeout=20)


def stream(place):
    """What went out and came back, as sums."""
    data = os.urandom(BYTES)
    line = connect(place)
    sender = threading.Thread(target=lambda: (line.sendall(data), line.shutdown(socket.SHUT_WR)))
    sender.start()
    back = bytearray()
    while part := line.recv(65536):
        back += part
    sender.join()
    return hashlib.sha256(data).hexdigest() == hashlib.sha256(back).hexdigest()


def datagrams(place):
    """How many of 20 came back as they were; any may be lost once or twice."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.settimeout(1)
    good = 0
    for number in range(20):
        data = os.urandom(1 + number * 70)
        for _ in range(5):
            line.sendto(data, place)
            try:
                while line.recv(65536) != data:
                    pass
                good += 1
                break
            except OSError:
                pass
    return good


for argument in sys.argv[1:]:
    host, port = argument.rsplit(":", 1)
    print("tcp", "as it was" if stream((host, int(port))) else "changed")
    print("udp", datagrams((host, int(port))))
