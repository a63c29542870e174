//  server - what only a server has: its clients, and the changes of theirs that it rejected.

import {fill, find, make, mark, row, say, say_cells, show} from "./dom.js";
import {count, pretty, span, time} from "./format.js";

const CLIENTS = [["name", "Client"], ["user", "User"], ["state", "State"], ["at", "Position"],
    ["lag", "Behind"], ["from", "From"], ["when", "Connected"]];
const REJECTED = [["when", "Time"], ["name", "Table"], ["operation", "Operation"], ["who", "Client"],
    ["why", "Why"], ["act", "Actions"]];
const PAGE = 100;

//  What must have moved in the statistics for the tables to be read again.
const TELLING_METRICS = ["clients", "history_position", 'client_changes_total{verdict="rejected"}'];
const TELLING_TYPES = ["stream_ack", "stream_open", "stream_close"];

const head = columns => make("tr", {role: "row"}, ...columns.map(([name, title]) =>
    make(`th.${name}`, {role: "columnheader", scope: "col"},
        name === "act" ? make("span.unseen", {}, title) : title)));

export class Server {
    constructor(link, acts) {
        this.link = link;
        this.acts = acts;
        this.limit = PAGE;
        find("client-head").append(head(CLIENTS));
        find("rejected-head").append(head(REJECTED));
        find("rejected-more").onclick = () => {
            this.limit += PAGE;
            this.look();
        };
        link.addEventListener("up", () => this.look());
        link.addEventListener("stats", event => this.notice(event.detail));
    }

    notice({metrics, types}) {
        const seen = JSON.stringify([
            (metrics ?? []).filter(metric => TELLING_METRICS.includes(metric.name)).map(metric => metric.value),
            (types ?? []).filter(({type}) => TELLING_TYPES.includes(type)).map(type => type.received),
        ]);
        const is_back = this.unread && metrics?.some(({name, value}) => name === "postgres_connected" && value === 1);
        if (seen !== this.seen || is_back) this.look();
        this.seen = seen;
    }

    //  What cannot be read now, because the database is away, is left as it was, and is said in its place.
    async look() {
        const asked = this.asked = Symbol("look");
        const read = path => this.link.get(path).catch(error => ({error}));
        const [known, rejected] = await Promise.all([
            read("/api/clients"), read(`/api/rejected?limit=${this.limit}`)]);
        if (asked !== this.asked) return;
        if (!known.error) this.clients(known.clients ?? []);
        if (!rejected.error) this.rejected(rejected.changes ?? [], rejected.more);
        this.unread = known.error ?? rejected.error;
        for (const [name, {error}] of [["client-none", known], ["rejected-none", rejected]])
            this.note(find(name), error);
    }

    note(element, error) {
        element.dataset.none ??= element.textContent;
        say(element, error ? `This cannot be read now: ${error.message}.` : element.dataset.none);
        if (error) show(element, true);
    }

    clients(clients) {
        fill(find("client-rows"), clients, client => `${client.client_id} ${client.since} ${client.address}`, () => this.begin_client(),
            (element, client) => {
                say_cells(element, {
                    name: client.client_id,
                    user: client.user || "–",
                    at: client.lsn,
                    lag: count(client.lag),
                    from: [client.address, client.encoding].filter(Boolean).join(", "),
                    when: `${span(Date.now() - new Date(client.since))} ago`,
                });
                say(element.state, client.state);
                mark(element.state, "tone", client.state === "live" ? "good" : "busy");
            });
        show(find("client-none"), clients.length === 0);
    }

    begin_client() {
        const element = row(CLIENTS);
        element.state = make("span.pill");
        element.cells_.state.append(element.state);
        return element;
    }

    rejected(changes, more) {
        fill(find("rejected-rows"), changes.flatMap(change => [{change}, {change, detail: true}]),
            ({change, detail}) => change.seq + (detail ? "+" : ""),
            ({change, detail}) => detail ? this.begin_detail(change) : this.begin_rejected(),
            (element, {change, detail}) => !detail && this.update_rejected(element, change));
        show(find("rejected-none"), changes.length === 0);
        show(find("rejected-more"), Boolean(more));
    }

    begin_rejected() {
        const element = row(REJECTED);
        const button = make("button.quiet", {
            type: "button", "aria-expanded": "false", onclick: () => {
                const opens = element.nextElementSibling.hidden;
                button.setAttribute("aria-expanded", String(opens));
                show(element.nextElementSibling, opens);
            },
        }, "Details");
        element.cells_.act.append(button);
        return element;
    }

    //  A change that is tried again and rejected again keeps its place.
    update_rejected(element, change) {
        say_cells(element, {
            when: time(change.time),
            name: change.table,
            operation: change.operation,
            who: change.client_id,
            why: `${change.code}: ${change.message}`,
        });
    }

    begin_detail({change_id, data}) {
        return make("tr.detail", {role: "row", hidden: true},
            make("td", {role: "cell", colSpan: REJECTED.length},
                make("dl.facts", {}, make("div", {}, make("dt", {}, "Change id"), make("dd.code", {}, change_id))),
                make("h3", {}, "Values"), make("pre", {}, pretty(data ?? ""))));
    }
}
