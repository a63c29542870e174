//  actors - who works here: mailboxes, rates, and what keeps them busy.

import {fill, find, make, mark, row, say, say_cells} from "./dom.js";
import {count, micros, percentile, rate, span} from "./format.js";

const COLUMNS = [["name", "Actor"], ["state", "State"], ["depth", "Mailbox"], ["parked", "Parked"],
    ["rate", "Messages/s"], ["p50", "Handler p50"], ["p99", "p99"], ["restarts", "Restarts"],
    ["dead", "Dead"], ["busy", "Busy with"]];

const TONES = {ready: "good", failed: "bad", backoff: "warn", stopped: "quiet"};
const WORTH_TELLING_MS = 100;

export class Actors {
    constructor(link) {
        this.link = link;
        this.about = new Map();
        this.before = new Map();
        link.addEventListener("up", () => this.look());
        link.addEventListener("stats", event => this.draw(event.detail));
    }

    async look() {
        const {actors} = await this.link.get("/api/tree").catch(() => ({}));
        if (!actors) return; // what is known stays
        this.about = new Map(actors.map(actor => [actor.name, actor]));
        const names = [...this.about.keys()].sort();
        fill(find("follow-actor"), ["", ...names], name => name,
            name => make("option", {value: name}, name || "all"), () => {});
        const types = new Set(actors.flatMap(actor => actor.takes ?? []));
        fill(find("types"), [...types].sort(), type => type, value => make("option", {value}), () => {});
    }

    draw({time, actors}) {
        const now = new Date(time).getTime();
        fill(find("actor-rows"), actors ?? [], actor => actor.name, ({name}) => this.begin(name),
            (element, actor) => this.update(element, actor, now));
        this.before = new Map((actors ?? []).map(actor => [actor.name, {now, received: actor.received}]));
        if ((actors ?? []).some(actor => !this.about.has(actor.name)) && this.about.size) this.look();
    }

    begin() {
        const element = row(COLUMNS);
        element.state = make("span.pill");
        element.cells_.state.append(element.state);
        return element;
    }

    rate({name, received}, now) {
        const before = this.before.get(name);
        if (!before || now <= before.now || received < before.received) return null;
        return (received - before.received) * 1000 / (now - before.now);
    }

    busy({busy_with, busy_ms}) {
        if (!busy_with) return "";
        return busy_ms >= WORTH_TELLING_MS ? `${busy_with}, ${span(busy_ms)}` : busy_with;
    }

    update(element, actor, now) {
        const about = this.about.get(actor.name) ?? {};
        const {kind} = about;
        say_cells(element, {
            name: actor.name + (kind && kind !== "built-in" ? ` (${kind})` : ""),
            depth: count(actor.depth),
            parked: actor.parked ? `${count(actor.parked)} on ${actor.parked_on}` : "0",
            rate: rate(this.rate(actor, now)),
            p50: micros(percentile(actor.handled, 0.5)),
            p99: micros(percentile(actor.handled, 0.99)),
            restarts: count(actor.restarts),
            dead: count(actor.dead),
            busy: this.busy(actor),
        });
        const title = [about.summary, about.reason].filter(Boolean).join(" ");
        if (element.title !== title) element.title = title;
        say(element.state, actor.state);
        mark(element.state, "tone", TONES[actor.state] ?? "busy");
        for (const name of ["depth", "parked", "restarts", "dead"])
            mark(element.cells_[name], "some", String(Boolean(actor[name])));
    }
}
