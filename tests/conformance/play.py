#!/usr/bin/python3
"""Plays the conversations of docs/bus-protocol.md, as *.json beside this file have them.

    play.py gateway WAYBILL       as programs that join a real agent
    play.py peer PROGRAM [ARG..]  as the agent that PROGRAM, run with a run directory, joins

A conversation is a list of steps. {"send": MESSAGE} says something, {"expect": MESSAGE} waits for
the next message of that kind and compares what is given; others wait for their turn. "as" names the
program (gateway.json only; it joins with its first step). A MESSAGE has the envelope's fields by
name, and "payload": any JSON; missing: no bytes. "id:x" stands for sixteen bytes that are the same
wherever it is written, "hex:.." for these bytes, {"repeat": n, "of": x} for a list, "hex" for the
frames as they are. "$name" stands for what came as {"is": "$name"} before. {"has": text} is
expected within a text, {"among": x} in a list. Each conversation ends with a proof that the other
side is still alive.
"""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import msgpack
import zmq

HERE = pathlib.Path(__file__).parent
KINDS = "CAST REQ EVT REP ERR CREDIT NAK HELLO BYE PING PONG CONTROL".split()
FIELDS = ("version kind type hash from to id corr cause trace epoch seq sent_ns deadline_ns key "
          "flags attempt hop extensions").split()
PATIENCE_MS = 60000
BOUND = ["setpriv", "--pdeathsig", "KILL"]  # the other side does not outlive this one


class Mismatch(Exception):
    pass


def fill_in(value, known):
    """JSON as it is written to what travels."""
    if isinstance(value, str) and value.startswith("id:"):
        return hashlib.sha256(value.encode()).digest()[:16]
    if isinstance(value, str) and value.startswith("hex:"):
        return bytes.fromhex(value[4:])
    if isinstance(value, str) and value.startswith("$"):
        return known[value]
    if isinstance(value, dict) and "repeat" in value:
        return [fill_in(value["of"], known)] * value["repeat"]
    if isinstance(value, dict):
        return {key: fill_in(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [fill_in(each, known) for each in value]
    return value


def pack(message, known, defaults):
    if "hex" in message:
        return [bytes.fromhex(frame) for frame in message["hex"]]
    fields = {"version": 1, "hash": 0, "sent_ns": 1, "deadline_ns": 0, "flags": 0, "attempt": 0,
              "hop": 0, "seq": 0, "extensions": {}, **defaults, **fill_in(message, known)}
    fields["kind"] = KINDS.index(fields["kind"]) if fields["kind"] in KINDS else fields["kind"]
    payload = msgpack.packb(fields["payload"]) if "payload" in message else b""
    return [msgpack.packb([fields.get(name) for name in FIELDS]), payload]


def unpack(frames):
    message = dict(zip(FIELDS, msgpack.unpackb(frames[0])))
    message["kind"] = KINDS[message["kind"]]
    message["payload"] = msgpack.unpackb(frames[1]) if frames[1] else None
    return message


def compare(wanted, got, known, where="message"):
    if isinstance(wanted, dict) and "is" in wanted:
        known[wanted["is"]] = got
    elif isinstance(wanted, dict) and "has" in wanted:
        if not isinstance(got, str) or wanted["has"] not in got:
            raise Mismatch(f"{where}: {wanted['has']!r} is not in {got!r}")
    elif isinstance(wanted, dict) and "among" in wanted:
        if not any(fits(wanted["among"], each) for each in got):
            raise Mismatch(f"{where}: {wanted['among']!r} is not among {got!r}")
    elif isinstance(wanted, dict) and isinstance(got, dict):
        for key in wanted:
            compare(wanted[key], got.get(key), known, f"{where}.{key}")
    elif fill_in(wanted, known) != got:
        raise Mismatch(f"{where}: {fill_in(wanted, known)!r} is wanted, {got!r} has come")


def fits(wanted, got):
    try:
        compare(wanted, got, {})
    except Mismatch:
        return False
    return True


class Wire:
    """One end of a conversation."""

    def __init__(self, socket, prefix, defaults):
        self.socket, self.prefix, self.defaults = socket, list(prefix), defaults
        self.passed = []  # what came and was not expected yet

    def send(self, message, known):
        self.defaults["epoch"] = message.get("epoch", self.defaults["epoch"])
        self.socket.send_multipart(self.prefix + pack(message, known, self.defaults))

    def expect(self, message, known):
        """Credit may come late, and more at once: at least that."""
        wanted = dict(message)
        least = wanted.pop("seq", 0) if message["kind"] == "CREDIT" else 0
        compare(wanted, self.receive(message["kind"], least), known)

    def receive(self, kind, least=0):
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            for got in self.passed:
                if got["kind"] == kind and got["seq"] >= least:
                    self.passed.remove(got)
                    return got
            if not self.socket.poll(max(0, 1000 * (deadline - time.monotonic()))):
                came = [got["kind"] for got in self.passed]
                raise Mismatch(f"no {kind} came, but {came}")
            frames = self.socket.recv_multipart()
            self.prefix = frames[:-2]
            self.passed.append(unpack(frames[-2:]))


class Agent:
    """A real one: what plays are the programs that join it."""

    def __init__(self, waybill):
        self.zmq = zmq.Context()
        self.dir = tempfile.mkdtemp(prefix="conformance.")
        log = open(f"{self.dir}/log", "w")
        self.process = subprocess.Popen(
            [*BOUND, waybill, "agent", "--db", f"{self.dir}/agent.db", "--run-dir", f"{self.dir}/run",
             "--server", "ws://127.0.0.1:9/api/sync"], stdout=subprocess.PIPE, stderr=log)
        self.process.stdout.readline()  # it is ready
        self.round = 0

    def begin(self):
        self.round += 1
        self.wires = {}

    def wire(self, step):
        name = step.get("as", "one")
        if name not in self.wires:
            socket = self.zmq.socket(zmq.DEALER)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.ROUTING_ID, name.encode())
            socket.connect(f"ipc://{self.dir}/run/bus.sock")
            self.wires[name] = Wire(socket, (), {"from": f"ipc/{name}", "to": "ipc", "epoch": 1})
        return self.wires[name]

    def end(self, known):
        """Somebody new is served, whatever was said."""
        name = f"proof-{self.round}"
        hello = {"name": name, "epoch": 1, "next_seq": 1, "pid": 1}
        steps = [
            {"as": name, "send": {"kind": "HELLO", "type": "hello", "seq": 1, "payload": hello}},
            {"as": name, "expect": {"kind": "HELLO"}},
            {"as": name, "expect": {"kind": "CREDIT"}},
            {"as": name, "send": {"kind": "REQ", "type": "status_get", "to": "service",
                                  "id": "id:proof", "seq": 1, "payload": {}}},
            {"as": name, "expect": {"kind": "REP", "type": "status", "corr": "id:proof"}},
        ]
        for step in steps:
            play_step(self, step, known)
        if self.process.poll() is not None:
            raise Mismatch("the agent has ended")

    def leave(self):
        """Conversations share nothing: whoever spoke is forgotten when this is over."""
        for name, wire in self.wires.items():
            hello = {"name": name, "epoch": 2**60, "next_seq": 1, "pid": 1}
            wire.send({"kind": "HELLO", "type": "hello", "seq": 1, "epoch": 2**60,
                       "payload": hello}, {})
            wire.send({"kind": "BYE", "type": "bye", "payload": "done"}, {})
            wire.send({"kind": "PING", "type": "ping"}, {})
            while wire.receive("HELLO")["payload"]["next_seq"] > 0:
                pass
            wire.socket.close()

    def close(self):
        self.process.terminate()
        status = self.process.wait()
        shutil.rmtree(self.dir)
        return status


class Program:
    """One that joins: what plays is the agent."""

    def __init__(self, command):
        self.command = command
        self.zmq = zmq.Context()
        self.process = None

    def begin(self):
        self.dir = tempfile.mkdtemp(prefix="conformance.")
        self.socket = self.zmq.socket(zmq.ROUTER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.bind(f"ipc://{self.dir}/bus.sock")
        self.only = Wire(self.socket, (), {"from": "ipc", "to": "ipc/peer", "epoch": 100})
        self.process = subprocess.Popen([*BOUND, *self.command, self.dir, "peer"],
                                        stdout=subprocess.DEVNULL)

    def wire(self, _):
        return self.only

    def end(self, known):
        self.only.send({"kind": "PING", "type": "ping"}, known)
        self.only.expect({"kind": "PONG", "type": "pong"}, known)
        if self.process.poll() is not None:
            raise Mismatch("it has ended")

    def leave(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        shutil.rmtree(self.dir)

    def close(self):
        return 0


def play_step(other, step, known):
    wire = other.wire(step)
    if "send" in step:
        wire.send(step["send"], known)
    else:
        wire.expect(step["expect"], known)


def play(other, conversation):
    known = {}
    other.begin()
    try:
        for number, step in enumerate(conversation["steps"], 1):
            try:
                play_step(other, step, known)
            except Mismatch as error:
                raise Mismatch(f"step {number}: {error}") from error
        other.end(known)
    finally:
        other.leave()


def check_golden():
    """The bytes in the document are what the fields of golden.json give."""
    lines = (HERE / "../../docs/bus-protocol.md").read_text().splitlines()
    rows = [re.match(r"    ((?:[0-9a-f]{2}(?: |$))+)", line) for line in lines]
    written = "".join(row[1].replace(" ", "") if row else "|" for row in rows)
    for golden in json.loads((HERE / "golden.json").read_text()):
        for frame in pack(golden["message"], {}, {}):
            if frame.hex() not in written:
                raise Mismatch(f"docs/bus-protocol.md has not {golden['name']}: {frame.hex(' ')}")


def main(role, *command):
    check_golden()
    other = Agent(command[0]) if role == "gateway" else Program(list(command))
    failed = 0
    try:
        for conversation in json.loads((HERE / f"{role}.json").read_text()):
            try:
                play(other, conversation)
                print("ok  ", conversation["name"])
            except Mismatch as error:
                failed += 1
                print("FAIL", conversation["name"], "-", error)
    finally:
        failed += other.close() != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
