#!/usr/bin/python3
"""actor.py RUN_DIR [NAME]: an actor of a running Waybill agent, after docs/bus-protocol.md.

It serves `note_add {title}`: records a row of `notes` under the id of the request, so that a
request that comes twice is one row all the same, and answers `note_added {id}`. It tells of
what becomes of changes, on its standard output and with an event of its own, `note_settled`.
"""
import collections
import fnmatch
import os
import sys
import time
import uuid

import msgpack
import zmq

CAST, REQ, EVT, REP, ERR, CREDIT, NAK, HELLO, BYE, PING, PONG, CONTROL = range(12)
SENT_AGAIN = 1
Envelope = collections.namedtuple("Envelope", (
    "version kind type hash sender to id corr cause trace epoch seq sent_ns deadline_ns key flags "
    "attempt hop extensions"))


def new_id():  # a UUIDv7: milliseconds since 1970, then chance
    bits = time.time_ns() // 1000000 << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xf << 76) & ~(3 << 62) | 7 << 76 | 2 << 62
    return bits.to_bytes(16, "big")


class Actor:
    """takes: type to function(request, payload), which must end with answer(), now or later.
    hears: pattern to function(event, payload)."""

    def __init__(self, run_dir, name, takes=None, says=(), hears=None):
        self.name, self.address = name, "ipc/" + name
        self.takes, self.says, self.hears = takes or {}, list(says), hears or {}
        self.epoch = time.time_ns() // 1000  # a later process of this name has a greater one
        self.outbox = collections.deque()    # not sent: there is no credit
        self.kept = {}                       # sent, and not acknowledged, by number
        self.sent = self.limit = 0           # numbers: of the last sent, and of the last allowed
        self.asked = {}                      # what to call with an answer, by id of the request
        self.host_epoch, self.admitted = None, 0  # the process behind the bus, its last number
        self.unfinished = set()              # numbers taken in and not done
        self.joined, self.missing = False, None  # missing: a number asked for with a NAK
        self.heard_at = self.asked_at = time.monotonic()
        self.dealer = zmq.Context.instance().socket(zmq.DEALER)
        self.dealer.routing_id, self.dealer.linger, self.dealer.sndhwm = name.encode(), 200, 0
        self.dealer.connect(f"ipc://{run_dir}/bus.sock")
        self.hello()

    def ask(self, to, kind, payload, then):
        """A request; then(ok, answer) is called once."""
        ident = new_id()
        self.asked[ident] = then
        self.submit(REQ, kind, to, payload, id=ident)

    def say(self, kind, payload):
        """An event."""
        self.submit(EVT, kind, "*", payload, id=new_id())

    def answer(self, request, kind, payload):
        way = ERR if kind == "error" else REP
        self.submit(way, kind, request.sender, payload, corr=request.id)
        self.finish(request)

    def submit(self, kind, name, to, payload, **ids):
        self.outbox.append((kind, name, to, msgpack.packb(payload), ids))
        self.flush()

    def flush(self):
        while self.joined and self.outbox and self.sent < self.limit:
            self.sent += 1
            self.kept[self.sent] = self.outbox.popleft()
            self.resend(self.sent, flags=0)

    def resend(self, first, flags=SENT_AGAIN):
        for seq in [seq for seq in self.kept if seq >= first]:
            kind, name, to, payload, ids = self.kept[seq]
            self.transmit(kind, name, payload, seq, to, flags, **ids)

    def transmit(self, kind, name, payload=b"", seq=0, to="ipc", flags=0, id=None, corr=None):
        head = Envelope(1, kind, name, 0, self.address, to, id, corr, None, None, self.epoch, seq,
                        time.monotonic_ns(), 0, None, flags, 0, 0, {})
        self.dealer.send_multipart([msgpack.packb(head), payload])

    def hello(self):
        body = {"name": self.name, "epoch": self.epoch, "next_seq": self.admitted + 1,
                "pid": os.getpid(), "takes": list(self.takes), "says": self.says}
        self.transmit(HELLO, "hello", msgpack.packb(body), min(self.kept, default=self.sent + 1))

    def on_hello(self, head, body):
        self.joined = body["next_seq"] > 0
        if not self.joined:  # it does not know us
            return self.hello()
        if body["epoch"] != self.host_epoch:  # another process, which counts from its own start
            self.host_epoch, self.admitted = body["epoch"], max(head.seq, 1) - 1
            self.unfinished = set()
        self.missing = None
        for pattern in self.hears:
            self.transmit(CONTROL, "subscribe", msgpack.packb(pattern))
        self.acknowledge()
        self.resend(body["next_seq"])

    def on_credit(self, head, limit):
        self.limit = limit
        self.kept = {seq: kept for seq, kept in self.kept.items() if seq > head.seq}
        self.flush()

    def on_ping(self, head, body):
        if head.seq > self.admitted:  # something was lost
            self.transmit(NAK, "nak", seq=self.admitted + 1)
        if head.kind == PING:
            self.transmit(PONG, "pong", seq=self.sent)

    def acknowledge(self):
        done = min(self.unfinished, default=self.admitted + 1) - 1
        self.transmit(CREDIT, "credit", msgpack.packb(2**64 - 1), done)

    def finish(self, head):
        if head.epoch == self.host_epoch:
            self.unfinished.discard(head.seq)
            self.acknowledge()

    def on_message(self, head, body):
        if head.seq > self.admitted + 1:
            if self.missing != self.admitted + 1:  # asked once a gap
                self.missing = self.admitted + 1
                self.transmit(NAK, "nak", seq=self.missing)
        elif head.seq <= self.admitted:  # seen: what said so was lost
            self.acknowledge()
        else:
            self.admitted = head.seq
            self.unfinished.add(head.seq)
            self.handle(head, body)

    def handle(self, head, body):
        try:
            if head.kind in (REP, ERR):
                self.asked.pop(head.corr, lambda ok, body: None)(head.kind == REP, body)
            elif head.kind == EVT:
                for pattern in filter(lambda p: fnmatch.fnmatchcase(head.type, p), self.hears):
                    self.hears[pattern](head, body)
            else:
                self.takes[head.type](head, body)
        except Exception as error:  # one bad message ends nothing
            print(f"{head.type}: {error!r}", file=sys.stderr)
            if head.kind == REQ:
                self.answer(head, "error", {"code": "FAILED", "message": repr(error)})
        if head.kind != REQ:
            self.finish(head)

    def look_at(self, frames):
        head = Envelope(*msgpack.unpackb(frames[0])[:19])
        self.heard_at = time.monotonic()
        body = msgpack.unpackb(frames[1]) if frames[1] else None
        if head.kind == HELLO:
            self.on_hello(head, body)
        elif head.kind == BYE:  # it stops, or does not want us, and body says why: HELLO goes on
            self.joined = False
        elif self.joined and head.epoch == self.host_epoch:
            parts = {CREDIT: self.on_credit, PING: self.on_ping, PONG: self.on_ping}
            parts[NAK] = lambda head, body: self.resend(head.seq)
            parts.get(head.kind, self.on_message)(head, body)

    def step(self, timeout_s=1):
        """Takes in what comes within that time, and keeps the connection alive."""
        if self.dealer.poll(timeout_s * 1000):
            self.look_at(self.dealer.recv_multipart())
        now = time.monotonic()
        if now - max(self.heard_at, self.asked_at) >= 1:
            self.asked_at = now
            self.joined = self.joined and now - self.heard_at < 5
            self.transmit(PING, "ping", seq=self.sent) if self.joined else self.hello()


def main(run_dir, name="notes-py"):
    def on_note_add(request, note):
        change = str(uuid.UUID(bytes=request.id))
        entry = {"table": "notes", "operation": "insert", "id": change, "change": change,
                 "data": {"title": note["title"]}}
        actor.ask("service", "write", {"changes": [entry]}, lambda ok, answer: actor.answer(
            request, *(("note_added", {"id": change}) if ok else ("error", answer))))

    def on_processed(event, body):
        for change in body["changes"]:
            print("processed", change["id"], change["result"], flush=True)
            actor.say("note_settled", {"id": change["entity_id"], "result": change["result"]})

    actor = Actor(run_dir, name, {"note_add": on_note_add}, ["note_settled"],
                  {"changes_processed": on_processed})
    while True:
        actor.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
