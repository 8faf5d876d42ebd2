"""QMP: see monitor.test."""
import os
import sys

import machine
from machine import Machine, Qmp, connect, said

work = sys.argv[1]
path = work + "/qmp"
bare = ("-bios", "none", "-kernel", work + "/echo")


def start(*options):
    return Machine(*options, "-qmp", f"unix:{path},server=on,wait=off"), Qmp(path)


m, c = start(*bare, "-serial", f"unix:{work}/line,server=on,wait=off", "-S", "-smp", "2", "-name", "it",
             "-drive", f"file={work}/disk,format=raw,id=d0,if=none", "-no-shutdown", "-device", "pcie-root-port,id=port,addr=2")
said("a greeting", "qemu" in c.greeting["QMP"]["version"] and c.greeting["QMP"]["capabilities"] == [], c.greeting)
got = c.ask("query-status")
said("commands come after qmp_capabilities", got["error"]["class"] == "CommandNotFound", got)
said("qmp_capabilities", c.ask("qmp_capabilities") == {})
said("... once", c.ask("qmp_capabilities")["error"]["class"] == "CommandNotFound")
got = c.ask_raw('{"execute": "query-name", "id": {"a": [1, null]}}')
said("an id comes back", got == {"return": {"name": "it"}, "id": {"a": [1, None]}}, got)
got = c.ask_raw('{"execute": "nonsense", "id": "x"}')
said("... with errors, too", got["error"]["class"] == "CommandNotFound" and got["id"] == "x", got)

commands = {x["name"] for x in c.ask("query-commands")}
schema = c.ask("query-qmp-schema")
said("the schema has all commands", {x["name"] for x in schema if x["meta-type"] == "command"} | {"qmp_capabilities"} == commands)
types = {x["name"] for x in schema if x["meta-type"] in ("object", "builtin")}
said("... and what they refer to", all(x["arg-type"] in types for x in schema if "arg-type" in x)
     and all(y["type"] in types for x in schema for y in x.get("members", [])))
for name in sorted(commands):
    if name.startswith("query-"):
        got = c.ask(name)
        if isinstance(got, dict) and "error" in got:
            said(name, False, got)

said("query-status", c.ask("query-status") == {"running": False, "singlestep": False, "status": "prelaunch"})
cpus = c.ask("query-cpus-fast")
said("query-cpus-fast", [x["cpu-index"] for x in cpus] == [0, 1] and cpus[0]["target"] == "riscv64", cpus)
block = c.ask("query-block")
said("query-block", block[0]["device"] == "d0" and block[0]["inserted"]["image"]["virtual-size"] == 1 << 20, block)
said("query-blockstats", c.ask("query-blockstats")[0]["stats"]["rd_bytes"] == 0)
said("query-chardev", {x["label"] for x in c.ask("query-chardev")} == {"serial0", "compat_monitor0"})
said("query-memory-size-summary", c.ask("query-memory-size-summary") == {"base-memory": 128 << 20})
said("query-command-line-options", {"kernel", "qmp"} <= {x["option"] for x in c.ask("query-command-line-options")})
said("qom-list", {"name": "uart0", "type": "child<uart16550>"} in c.ask("qom-list", path="/machine"))
said("qom-get", c.ask("qom-get", path="/machine/uart0", property="clock_hz") == 3686400)
said("device-list-properties", "chardev" in {x["name"] for x in c.ask("device-list-properties", typename="uart16550")})
said("a command of people", c.ask("human-monitor-command", command_line="info status") == "VM status: paused (prelaunch)\r\n".replace("\r", ""))
said("... of a CPU", "0x1\n" == c.ask("human-monitor-command", command_line="p $mhartid", cpu_index=1))
said("pmemsave", c.ask("pmemsave", val=0x80000000, size=4, filename=work + "/saved") == {}
     and open(work + "/saved", "rb").read() == b"\xf3\x22\x40\xf1")

# -------------------------------------------------------------------------- wrong input


def wrong(name, data, part):
    got = c.ask_raw(data)
    said("wrong: " + name, got and part in got.get("error", {}).get("desc", ""), got)


wrong("no JSON", b"nonsense\n", "JSON parse error")
wrong("no object", b"[]", "must be a JSON object")
wrong("a number", b"7\n", "must be a JSON object")
wrong("no command", b"{}", "lacks member 'execute'")
wrong("a command that is none", b'{"execute": 1}', "must be a string")
wrong("arguments that are none", b'{"execute": "stop", "arguments": 1}', "must be an object")
wrong("something else", b'{"execute": "stop", "x": 1}', "'x' is unexpected")
wrong("an argument too many", b'{"execute": "stop", "arguments": {"x": 1}}', "Parameter 'x' is unexpected")
wrong("an argument too few", b'{"execute": "qom-list"}', "Parameter 'path' is missing")
wrong("of the wrong type", b'{"execute": "qom-list", "arguments": {"path": 1}}', "Invalid parameter type for 'path', expected: string")
wrong("a string without an end", b'{"execute": "sto\n', "JSON parse error")
wrong("bytes that are no UTF-8", b'{"execute": "\xff\xfe"}', "JSON parse error")
wrong("NULs", b"\0\0\0\0\n", "JSON parse error")
wrong("0xff", b"\xff" * 4096 + b"\n", "JSON parse error")
wrong("a number too large", b'{"execute": "stop", "id": 1e999}', "JSON parse error")
wrong("an integer too large", b'{"execute": "stop", "id": 99999999999999999999}', "JSON parse error")
wrong("100,000 brackets", b"[" * 100000 + b"\n", "too deep")
wrong("objects in objects", b'{"a":' * 5000 + b"\n", "too deep")
wrong("a line of 8 MB", b'{"execute": "' + b"x" * (8 << 20) + b'"}\n', "too long")
wrong("a NUL in a string", b'{"execute": "a\\u0000b"}', "JSON parse error")
wrong("a file that cannot be", b'{"execute": "memsave", "arguments": {"val": 0, "size": 1, "filename": "/nonexistent/x"}}', "No such file")
wrong("a negative size", b'{"execute": "pmemsave", "arguments": {"val": 0, "size": -1, "filename": "/nonexistent/x"}}', "expects a size")
got = c.ask_raw(b'{"execute":\n "query-name"\r\n}{"execute": "query-kvm"}')
said("two commands, three lines", got == {"return": {"name": "it"}} and c.answer()["return"]["present"] is False, got)

got = c.ask("query-pci")[0]
said("PCI", got["bus"] == 0 and [d["qdev_id"] for d in got["devices"]] == ["pcie.0", "port"], got)
port = got["devices"][1]
said("... bridges", port["pci_bridge"]["bus"]["secondary"] == 0 and port["class_info"] == {"class": 0x604, "desc": "PCI bridge"}, port)
said("what there is none of", [c.ask(name) for name in ("query-jobs", "query-fdsets", "query-iothreads")] == [[], [], []])
said("models of CPUs", "rv64max" in [model["name"] for model in c.ask("query-cpu-definitions")])
said("kinds of devices", "uart16550" in [kind["name"] for kind in c.ask("qom-list-types")])
said("a break", c.ask("chardev-send-break", id="serial0") == {} and "no -chardev" in c.ask("chardev-send-break", id="x")["error"]["desc"])

# ------------------------------------------------------------------------------ clients

c.line.close()
for i in range(1000):
    line = connect(path)
    line.send(b'{"execute": "qmp_capabilities"}{"execute": "query-qmp-schema"}{"execute": "sto'[:i % 80])
    line.close()  # without reading, in the middle of a line
c = Qmp(path)
said("after a thousand others", c.ask("qmp_capabilities") == {} and c.ask("query-status")["status"] == "prelaunch")

# ------------------------------------------------------------------------------- events

line = connect(work + "/line")
said("cont", c.ask("cont") == {} and c.event("RESUME") and line.until(">") == ">")
said("... twice", c.ask("cont") == {} and c.ask("query-status")["status"] == "running")
said("stop", c.ask("stop") == {} and c.ask("query-status")["status"] == "paused")
event = c.event("STOP")
said("... is an event with a time", event and event["timestamp"]["seconds"] > 1600000000, event)
said("system_reset", c.ask("system_reset") == {})
event = c.event("RESET")
said("... is an event", event and event["data"] == {"guest": False, "reason": "host-qmp-system-reset"}, event)
said("a machine that stands stays so", c.ask("query-status")["status"] == "paused")
c.ask("cont")
c.event("RESUME")
line.until(">")
c.line.close()
c = Qmp(path)
said("the next client begins anew", c.ask("query-status")["error"]["class"] == "CommandNotFound" and c.ask("qmp_capabilities") == {})
line.send("q")
event = c.event("SHUTDOWN")
said("-no-shutdown: the guest's end", event and event["data"] == {"guest": True, "reason": "guest-shutdown"}, event)
said("... is looked at", c.event("STOP") and c.ask("query-status")["status"] == "shutdown")
said("... and does not go on", "off" in c.ask("cont")["error"]["desc"])
said("quit", c.ask("quit") == {})
event = c.event("SHUTDOWN")
said("... is an event", event and event["data"]["reason"] == "host-qmp-quit", event)
m.ended()

m, c = start(*bare, "-serial", "null")
c.ask("qmp_capabilities")
m.signal(15)
event = c.event("SHUTDOWN")
said("SIGTERM is an event", event and event["data"] == {"guest": False, "reason": "host-signal"} and m.ended() == 0, event)

m = Machine(*bare, "-serial", "null", "-qmp-pretty", "stdio", stdin=machine.PIPE)
m.process.stdin.write(b'{"execute": "qmp_capabilities"} {"execute": "quit"}')
m.process.stdin.close()
m.process.stdin = None
said("on several lines", m.ended() == 0 and b'{\r\n' not in m.out and b'\n    "QMP": {' in m.out, m.out)
sys.exit(machine.failed)
