#!/usr/bin/env node
/*  node actor.mjs RUN_DIR [NAME]: an actor of a running Waybill agent, after docs/bus-protocol.md.

    It serves `note_add {title}`: records a row of `notes` under the id of the request, so that a
    request that comes twice is one row all the same, and answers `note_added {id}`. It tells of
    what becomes of changes, on its standard output and with an event of its own, `note_settled`.  */

import { randomBytes } from 'node:crypto';
import { Packr } from 'msgpackr';
import { Dealer } from 'zeromq';

const [CAST, REQ, EVT, REP, ERR, CREDIT, NAK, HELLO, BYE, PING, PONG, CONTROL] = Array(12).keys();
const SENT_AGAIN = 1;
const FIELDS = ['version', 'kind', 'type', 'hash', 'sender', 'to', 'id', 'corr', 'cause', 'trace',
    'epoch', 'seq', 'sentNs', 'deadlineNs', 'key', 'flags', 'attempt', 'hop', 'extensions'];
const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'auto' });
const hex = id => Buffer.from(id ?? []).toString('hex');
const uuidText = id => hex(id).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

function newId() { // a UUIDv7: milliseconds since 1970, then chance
    const id = randomBytes(16);
    id.writeUIntBE(Date.now(), 0, 6);
    id[6] = id[6] & 0x0f | 0x70;
    id[8] = id[8] & 0x3f | 0x80;
    return id;
}

/*  takes: type to async function(request, payload) that gives the answer, [type, payload].
    hears: type of events to function(event, payload).  */
export class Actor {
    constructor(runDir, name, { takes = {}, says = [], hears = {} } = {}) {
        Object.assign(this, { name, address: `ipc/${name}`, takes, says, hears });
        this.epoch = BigInt(Date.now()) * 1000n; // a later process of this name has a greater one
        this.outbox = [];                // not sent: there is no credit
        this.kept = new Map();           // sent, and not acknowledged, by number
        this.sent = this.limit = 0;      // numbers: of the last sent, and of the last allowed
        this.asked = new Map();          // promises of answers, by id of the request
        this.admitted = 0;               // last number taken in
        this.unfinished = new Set();     // numbers taken in and not done
        this.heardAt = this.askedAt = Date.now();
        this.dealer = new Dealer({ routingId: name, linger: 200, sendHighWaterMark: 0 });
        this.dealer.connect(`ipc://${runDir}/bus.sock`);
        this.frames = Promise.resolve(); // one message after the other
        this.hello();
    }

    // A request; gives the answer, or throws the error.
    ask(to, type, payload) {
        const id = newId();
        return new Promise((resolve, reject) => {
            this.asked.set(hex(id), { resolve, reject });
            this.submit(REQ, type, to, payload, { id });
        });
    }

    say(type, payload) {
        this.submit(EVT, type, '*', payload, { id: newId() });
    }

    submit(kind, type, to, payload, ids) {
        this.outbox.push({ kind, type, to, payload: packr.pack(payload), ...ids });
        this.flush();
    }

    flush() {
        while (this.joined && this.outbox.length > 0 && this.sent < this.limit) {
            const message = { ...this.outbox.shift(), seq: ++this.sent };
            this.kept.set(message.seq, message);
            this.transmit(message);
        }
    }

    resend(first) {
        for (const message of this.kept.values())
            if (message.seq >= first) this.transmit({ ...message, flags: SENT_AGAIN });
    }

    transmit({ kind, type, to = 'ipc', payload = '', seq = 0, flags = 0, id = null, corr = null }) {
        const head = [1, kind, type, 0, this.address, to, id, corr, null, null, this.epoch, seq,
            process.hrtime.bigint(), 0, null, flags, 0, 0, {}];
        this.frames = this.frames.then(() => this.dealer.send([packr.pack(head), payload]));
    }

    hello() {
        const body = { name: this.name, epoch: this.epoch, next_seq: this.admitted + 1,
            pid: process.pid, takes: Object.keys(this.takes), says: this.says };
        const [lowest = this.sent + 1] = this.kept.keys();
        this.transmit({ kind: HELLO, type: 'hello', payload: packr.pack(body), seq: lowest });
    }

    onHello(head, body) {
        this.joined = body.next_seq > 0;
        if (!this.joined) return this.hello(); // it does not know us
        if (body.epoch !== this.hostEpoch) { // another process, which counts from its own start
            this.hostEpoch = body.epoch;
            this.admitted = Math.max(head.seq, 1) - 1;
            this.unfinished.clear();
        }
        this.missing = 0;
        for (const pattern of Object.keys(this.hears))
            this.transmit({ kind: CONTROL, type: 'subscribe', payload: packr.pack(pattern) });
        this.acknowledge();
        this.resend(body.next_seq);
    }

    onCredit(head, limit) {
        this.limit = limit;
        for (const seq of this.kept.keys()) if (seq <= head.seq) this.kept.delete(seq);
        this.flush();
    }

    onPing(head) {
        if (head.seq > this.admitted) // something was lost
            this.transmit({ kind: NAK, type: 'nak', seq: this.admitted + 1 });
        if (head.kind === PING) this.transmit({ kind: PONG, type: 'pong', seq: this.sent });
    }

    acknowledge() {
        const done = Math.min(this.admitted + 1, ...this.unfinished) - 1;
        this.transmit({ kind: CREDIT, type: 'credit', payload: packr.pack(0), seq: done });
    }

    onMessage(head, body) {
        const next = this.admitted + 1;
        if (head.seq < next) return this.acknowledge(); // seen: what said so was lost
        if (head.seq > next) { // asked for once a gap
            if (this.missing !== next) this.transmit({ kind: NAK, type: 'nak', seq: next });
            return this.missing = next;
        }
        this.admitted = next;
        this.unfinished.add(next);
        this.handle(head, body).catch(error => console.error(`${head.type}:`, error)).then(() => {
            if (head.epoch !== this.hostEpoch) return;
            this.unfinished.delete(next);
            this.acknowledge();
        });
    }

    async handle(head, body) {
        if (head.kind === REP || head.kind === ERR) {
            const waiting = this.asked.get(hex(head.corr));
            this.asked.delete(hex(head.corr));
            return head.kind === REP ? waiting?.resolve(body) : waiting?.reject(body);
        }
        if (head.kind === EVT) return this.hears[head.type]?.(head, body);
        if (head.kind === CAST) return this.takes[head.type](head, body);
        const [type, answer] = await Promise.resolve()
            .then(() => this.takes[head.type](head, body))
            .catch(({ code = 'FAILED', message }) => ['error', { code, message }]);
        this.submit(type === 'error' ? ERR : REP, type, head.sender, answer, { corr: head.id });
    }

    lookAt([header, payload]) {
        const fields = packr.unpack(header);
        const head = Object.fromEntries(FIELDS.map((field, i) => [field, fields[i]]));
        const body = payload.length > 0 ? packr.unpack(payload) : null;
        this.heardAt = Date.now();
        if (head.kind === HELLO) this.onHello(head, body);
        else if (head.kind === BYE) this.joined = false; // and body says why: HELLO goes on
        else if (!this.joined || head.epoch !== this.hostEpoch) return;
        else if (head.kind === CREDIT) this.onCredit(head, body);
        else if (head.kind === NAK) this.resend(head.seq);
        else if (head.kind === PING || head.kind === PONG) this.onPing(head);
        else this.onMessage(head, body);
    }

    keepAlive() {
        const now = Date.now();
        if (now - Math.max(this.heardAt, this.askedAt) < 1000) return;
        this.askedAt = now;
        this.joined = this.joined && now - this.heardAt < 5000;
        if (this.joined) this.transmit({ kind: PING, type: 'ping', seq: this.sent });
        else this.hello();
    }

    async run() {
        setInterval(() => this.keepAlive(), 250);
        for await (const frames of this.dealer) this.lookAt(frames);
    }
}

const [runDir, name = 'notes-js'] = process.argv.slice(2);
async function onNoteAdd(request, { title }) {
    const id = uuidText(request.id);
    const entry = { table: 'notes', operation: 'insert', id, change: id, data: { title } };
    await actor.ask('service', 'write', { changes: [entry] });
    return ['note_added', { id }];
}
function onProcessed(event, { changes }) {
    for (const change of changes) {
        console.log('processed', change.id, change.result);
        actor.say('note_settled', { id: change.entity_id, result: change.result });
    }
}
const actor = new Actor(runDir, name, { takes: { note_add: onNoteAdd }, says: ['note_settled'],
    hears: { changes_processed: onProcessed } });
await actor.run();
