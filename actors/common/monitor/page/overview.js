//  overview - how the process stands: its state in words, what waits, rates and times.

import {fill, find, make, mark, row, say, say_cells, show} from "./dom.js";
import {bytes, count, micros, percentile, plural, sentence, span, time, total} from "./format.js";
import {Plot} from "./plot.js";

//  State of the connection: what it is called, and how much it should worry.
const STATES = {
    live: ["Connected", "good"],
    catchup: ["Catching up", "busy"],
    initial: ["Fetching everything for the first time", "busy"],
    connecting: ["Connecting", "busy"],
    offline: ["Offline", "bad"],
    stopped: ["Paused", "quiet"],
};

const AGENT_TILES = [
    ["pending", "Pending", "Changes without a verdict of the server"],
    ["in_flight", "In flight", "Of the pending ones, sent on this connection"],
    ["failed", "Failed", "Refused, and tried again by themselves", "warn"],
    ["parked", "Parked", "Refused, and waiting for a person", "bad"],
    ["held", "Held", "Changes of the server set aside until what they need arrives", "warn"],
];

const sum = (metrics, name) => metrics.filter(metric => metric.name.split("{")[0] === name)
    .reduce((all, metric) => all + metric.value, 0);
const high = (metrics, name) => percentile(metrics.find(metric => metric.name === name)?.buckets, 0.99);

const SERVER_TILES = [
    ["clients", "Clients", "Connected now", metrics => count(sum(metrics, "clients"))],
    ["history", "History", "Transactions kept for clients that were away",
        metrics => count(sum(metrics, "history_transactions"))],
    ["bytes", "History size", "Bytes of rows kept for them; counted where stream.history_bytes limits them",
        metrics => sum(metrics, "history_bytes") ? bytes(sum(metrics, "history_bytes")) : "–"],
    ["capture", "Capture lag, p99", "From the commit of another program to its position in the history",
        metrics => micros(high(metrics, "capture_seconds"))],
];

//  Counters whose growth is drawn; all that begin with the name are added up.
const AGENT_PLOTS = [
    ["Recorded", "changes_recorded_total", "Local changes committed to the outbox"],
    ["Sent", "changes_sent_total", "Changes put into frames to the server"],
    ["Applied", "server_changes_applied_total", "Rows of the server committed here"],
];
const SERVER_PLOTS = [
    ["Judged", "client_changes_total", "Changes of clients, whatever the verdict"],
    ["Distributed", "changes_distributed_total", "Changes put into frames to clients"],
    ["Network", "network_bytes_total", "Bytes of frames, in and out", bytes],
];

const TIMES = {
    record_seconds: ["Record", "from an application's call to its commit"],
    verdict_seconds: ["Verdict", "from the recording of a change to its verdict"],
    apply_seconds: ["Apply", "what came together from the server, and its commit"],
    heartbeat_seconds: ["Round trip", "from a heartbeat to the server's answer"],
    judge_seconds: ["Judge", "from the arrival of a client's changes to their commit"],
    capture_seconds: ["Capture", "from the commit of another program to its place in the history"],
    commit_seconds: ["Commit", "of changes and verdicts"],
};

const TIME_COLUMNS = [["what", ""], ["p50", "p50"], ["p90", "p90"], ["p99", "p99"], ["n", "Count"]];

export class Overview {
    constructor(link) {
        link.addEventListener("state", event => this.state(event.detail));
        link.addEventListener("stats", event => this.stats(event.detail));
        link.addEventListener("changes", event => this.counts(event.detail.counts));
        link.addEventListener("down", () => {
            this.before = null;
        });
        setInterval(() => this.tick(), 1000);
    }

    begin(agent) {
        this.agent = agent;
        this.tiles = new Map((agent ? AGENT_TILES : SERVER_TILES).map(tile => [tile[0], tile]));
        this.cells = new Map();
        for (const [name, [, title, about]] of this.tiles) {
            const value = make("dd", {}, "–");
            this.cells.set(name, value);
            find("tiles").append(make("div.tile", {title: about}, make("dt", {}, title), value));
        }
        this.plots = (agent ? AGENT_PLOTS : SERVER_PLOTS)
            .map(([title, name, about, format]) => ({name, plot: new Plot(title, about, format)}));
        find("plots").append(...this.plots.map(({plot}) => plot.element));
    }

    tile(name, number) {
        const tone = this.tiles.get(name)[3], cell = this.cells.get(name);
        say(cell, count(number));
        mark(cell.parentElement, "tone", number > 0 && tone ? tone : "quiet");
    }

    state(state) {
        if (!this.plots) this.begin(state.role === "agent");
        this.started = new Date(state.started).getTime();
        this.known = state;
        if (this.agent) this.agent_state(state.status ?? {});
        else this.server_state(state.server ?? {});
    }

    agent_state(status) {
        this.retry_at = status.retry_in > 0 ? Date.now() + status.retry_in : 0;
        const [words, tone] = STATES[status.state] ?? [status.state || "Starting", "quiet"];
        const refused = status.parked > 0 || status.failed > 0;
        say(find("state"), status.synced ? "Connected, in sync" : words);
        mark(document.querySelector(".hero"), "tone", tone === "good" && refused ? "warn" : tone);
        for (const name of this.tiles.keys()) this.tile(name, status[name]);
        this.reason();
        this.facts([
            ["Position", status.lsn, true],
            ["Server's position", status.server_lsn, true],
            ["Server", status.server],
            ["Client id", status.client_id, true],
            ["Database", status.db],
        ]);
        const stopped = status.state === "stopped";
        this.buttons(stopped);
    }

    //  The one that has the focus is replaced under the hands of whoever pressed it.
    buttons(stopped) {
        const [from, to] = stopped ? ["pause", "resume"] : ["resume", "pause"];
        const focused = document.activeElement === find(from);
        show(find(to), true);
        show(find(from), false);
        if (focused) find(to).focus();
    }

    reason() {
        const status = this.known.status ?? {};
        const wait = this.retry_at - Date.now();
        const parts = [sentence(status.reason || this.calm(status))];
        if (wait > 0) parts.push(`Tries again in ${span(wait)}.`);
        say(find("reason"), parts.filter(Boolean).join(" "));
    }

    calm(status) {
        if (status.parked > 0) return `${plural(status.parked, "change")} refused, waiting for you: see Changes.`;
        if (status.failed > 0) return `${plural(status.failed, "change")} refused, tried again by itself.`;
        if (status.synced) return "Everything here is at the server, and everything there is here.";
        if (status.pending > 0) return `${plural(status.pending, "change")} on the way to the server.`;
        if (status.state === "stopped") return "Changes are recorded, and sent after Resume.";
        return "";
    }

    server_state(server) {
        const well = !server.trouble && !server.reading;
        say(find("state"), server.trouble ? "Without its database" : server.reading ? "Starting" : "Running");
        say(find("reason"), this.server_reason(server));
        mark(document.querySelector(".hero"), "tone", well ? "good" : "warn");
        this.facts([
            ["Position", server.lsn, true],
            ["Listens on", server.listen],
            ["Database", server.db],
        ]);
    }

    server_reason(server) {
        const parts = [];
        if (server.trouble) parts.push(`Since ${time(server.since)}: ${sentence(server.trouble)}`);
        if (server.reading) parts.push("Clients wait until the database was read in.");
        else if (server.trouble) parts.push("Clients get what is in the cache; their changes wait.");
        if (!parts.length && server.listen) parts.push(`Clients connect to ${server.listen}.`);
        return parts.join(" ");
    }

    facts(facts) {
        fill(find("facts"), facts, ([name]) => name,
            ([name]) => make("div", {}, make("dt", {}, name), make("dd", {})),
            (element, [, value, code]) => {
                say(element.lastChild, value || "–");
                element.lastChild.className = code ? "code" : "";
            });
    }

    //  Counts come more often than whole states.
    counts(counts) {
        if (!this.agent || !counts) return;
        for (const name of ["pending", "failed", "parked"])
            if (name in counts) {
                this.known.status[name] = counts[name];
                this.tile(name, counts[name]);
            }
        this.reason();
    }

    stats(stats) {
        if (!this.plots) return;
        const metrics = stats.metrics ?? [], now = new Date(stats.time).getTime();
        const values = this.plots.map(({name}) => sum(metrics, name));
        const seconds = this.before ? (now - this.before.now) / 1000 : 0;
        this.plots.forEach(({plot}, i) => {
            const grown = seconds > 0 ? values[i] - this.before.values[i] : -1;
            plot.add(grown >= 0 ? grown / seconds : null);
        });
        this.before = {now, values};
        if (!this.agent) for (const [name, , , text] of SERVER_TILES) say(this.cells.get(name), text(metrics));
        this.times(Object.keys(TIMES).map(name => metrics.find(metric => metric.name === name))
            .filter(metric => total(metric?.buckets) > 0));
    }

    times(metrics) {
        fill(find("times"), metrics, metric => metric.name, ({name}) => {
            const element = row(TIME_COLUMNS), [title, about] = TIMES[name];
            element.cells_.what.append(title, make("small", {}, about));
            return element;
        }, (element, {buckets}) => say_cells(element, {
            p50: micros(percentile(buckets, 0.5)),
            p90: micros(percentile(buckets, 0.9)),
            p99: micros(percentile(buckets, 0.99)),
            n: count(total(buckets)),
        }));
        show(find("times-none"), metrics.length === 0);
    }

    tick() {
        if (!this.known) return;
        if (this.agent) this.reason();
        const {version, pid, run_dir} = this.known;
        say(find("process"), [`Waybill ${version}`, `process ${pid}`,
            `started ${span(Date.now() - this.started)} ago`, run_dir].filter(Boolean).join(" · "));
    }
}
