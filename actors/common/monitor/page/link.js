//  link - the way to the process: questions over HTTP, everything that happens over one WebSocket.
//
//  When the WebSocket is lost it is opened again, after waits that double up to a limit. A process
//  that wants a token says 401; then a person is asked for it, and it is kept until the tab closes.

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15000, ANSWER_MS = 15000;
const KEPT = "waybill.token";

export class Link extends EventTarget {
    constructor() {
        super();
        this.wait = FIRST_WAIT_MS;
        this.asked = new Map();
        this.next = 1;
    }

    get token() {
        return sessionStorage.getItem(KEPT) ?? "";
    }

    set token(text) {
        sessionStorage.setItem(KEPT, text);
        this.open();
    }

    tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, {detail}));
    }

    //  The answer to GET path; throws an Error that a person can read.
    async get(path) {
        const headers = this.token ? {Authorization: `Bearer ${this.token}`} : {};
        const answer = await fetch(path, {headers, cache: "no-store"});
        const body = await answer.json().catch(() => ({}));
        if (answer.ok) return body;
        const error = new Error(body.message ?? `${path}: ${answer.status} ${answer.statusText}`);
        error.locked = answer.status === 401;
        throw error;
    }

    //  The process is asked over HTTP first: only there a refusal for want of a token shows.
    async open() {
        clearTimeout(this.timer);
        this.close();
        const attempt = this.attempt = Symbol("attempt");
        this.tell("trying");
        try {
            const state = await this.get("/api/state");
            if (attempt !== this.attempt) return;
            this.tell("state", state);
            this.listen();
        } catch (error) {
            if (attempt === this.attempt) error.locked ? this.lock() : this.lose();
        }
    }

    listen() {
        const url = new URL("/api/events", location.href);
        url.protocol = url.protocol.replace("http", "ws");
        if (this.token) url.searchParams.set("token", this.token); // a WebSocket has no headers
        const socket = this.socket = new WebSocket(url);
        socket.onopen = () => {
            this.wait = FIRST_WAIT_MS;
            this.tell("up");
        };
        socket.onmessage = event => this.hear(JSON.parse(event.data));
        socket.onclose = () => socket === this.socket && this.lose();
    }

    hear(frame) {
        if (frame.type !== "answer") return this.tell(frame.type, frame);
        const asked = this.asked.get(frame.ask);
        this.asked.delete(frame.ask);
        if (asked) frame.ok ? asked.resolve(frame) : asked.reject(new Error(frame.message ?? frame.code));
    }

    close() {
        const socket = this.socket;
        this.socket = null;
        socket?.close();
        for (const asked of this.asked.values())
            asked.reject(new Error("the connection was lost before the answer; look whether it was done"));
        this.asked.clear();
    }

    //  Without the right token it is no use to try again.
    lock() {
        this.close();
        this.tell("down", null);
        this.tell("locked", Boolean(this.token));
    }

    lose() {
        this.close();
        const wait = this.wait * (0.8 + 0.4 * Math.random());
        this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
        this.timer = setTimeout(() => this.open(), wait);
        this.tell("down", Date.now() + wait);
    }

    //  Has something done; fulfilled with its answer, rejected with an Error for a person.
    ask(command) {
        if (this.socket?.readyState !== WebSocket.OPEN)
            return Promise.reject(new Error("there is no connection now"));
        const ask = this.next++;
        return new Promise((resolve, reject) => {
            this.asked.set(ask, {resolve, reject});
            setTimeout(() => this.asked.delete(ask) && reject(new Error("no answer in time")), ANSWER_MS);
            this.socket.send(JSON.stringify({ask, ...command}));
        });
    }
}
