//  changes - the table of changes, and what a person does to refused ones.

import {fill, find, make, mark, row, say, say_cells, show} from "./dom.js";
import {brief, count, pretty, span, time} from "./format.js";

//  As changes_list has them; failed are those that are parked as well.
const FILTERS = [
    ["failed", "Failed and parked", "Nothing was refused, or all of it has been dealt with."],
    ["pending", "Pending", "Nothing is on its way to the server."],
    ["all", "All", "No change was recorded yet."],
];
const PAGE = 100;
const SOON_MS = 250, LATER_MS = 1000; // changes come in crowds: one look for many

const COLUMNS = [["pick", ""], ["name", "Row"], ["operation", "Operation"], ["state", "State"],
    ["when", "Recorded"], ["why", "Why"], ["act", ""]];

const TONES = {pending: "busy", failed: "warn", parked: "bad", done: "good"};

const is_refused = change => change.state === "failed" || change.state === "parked";
export const name_of = change => `${change.entity_type} ${change.entity_id}`;

function state_of(change) {
    if (change.state === "done") return change.verdict || "done";
    if (change.state === "failed" && change.next_attempt) {
        const wait = new Date(change.next_attempt) - Date.now();
        if (wait > 0) return `failed, again in ${span(wait)}`;
    }
    return change.state;
}

function why_of(change) {
    if (change.state === "done") return change.skip_reason || change.error || "";
    if (change.error) return change.error;
    if (change.held_by) return `waits for ${change.held_by}, which was refused`;
    if (change.folded_into) return `is sent with ${change.folded_into}`;
    return change.skip_reason || "";
}

export class Changes {
    constructor(link, acts) {
        this.link = link;
        this.acts = acts;
        this.filter = "failed";
        this.limit = PAGE;
        this.rows = [];
        this.picked = new Set();
        this.opened = new Set();
        this.begin();
        link.addEventListener("up", () => this.look());
        link.addEventListener("state", ({detail}) => this.count(detail.status ?? {}));
        link.addEventListener("changes", ({detail}) => this.count(detail.counts ?? {}));
        link.addEventListener("processed", ({detail}) => this.end(detail.changes ?? []));
        setInterval(() => this.draw_states(), 1000);
    }

    begin() {
        this.choices = FILTERS.map(([name, title]) => make("button.choice", {
            type: "button", "aria-pressed": "false", "data-filter": name, onclick: () => this.choose(name),
        }, make("span", {}, title), make("span.number", {})));
        find("filters").append(...this.choices);
        find("change-more").onclick = () => {
            this.limit += PAGE;
            this.look();
        };
        find("select-all").onchange = event => this.pick_all(event.target.checked);
        for (const button of find("bulk").querySelectorAll("button"))
            button.onclick = () => this.act(button.dataset.act, this.rows.filter(c => this.picked.has(c.id)));
        this.draw();
    }

    //  ---------------------------------------------------------------- when to look again

    count({pending, failed, parked}) {
        const numbers = {failed: (failed ?? 0) + (parked ?? 0), pending};
        for (const choice of this.choices) {
            const number = numbers[choice.dataset.filter];
            if (number !== undefined) say(choice.lastChild, number ? count(number) : "");
        }
        const seen = `${failed} ${parked}`;
        if (seen !== this.seen) this.look_soon(SOON_MS);
        else if (this.filter !== "failed") this.look_soon(LATER_MS);
        this.seen = seen;
    }

    end(changes) {
        const here = new Set(this.rows.map(change => change.id));
        if (changes.some(change => here.has(change.id))) this.look_soon(SOON_MS);
        else if (this.filter !== "failed") this.look_soon(LATER_MS);
    }

    look_soon(delay) {
        this.waiting ??= setTimeout(() => {
            this.waiting = null;
            this.look();
        }, delay);
    }

    //  -------------------------------------------------------------------------- the table

    choose(filter) {
        this.filter = filter;
        this.limit = PAGE;
        this.picked.clear();
        this.look();
    }

    //  Answers that were overtaken are dropped.
    async look() {
        const asked = this.asked = Symbol("look");
        try {
            const page = await this.link.get(`/api/changes?filter=${this.filter}&limit=${this.limit}`);
            if (asked !== this.asked) return;
            this.rows = page.changes ?? [];
            this.more = page.more;
            this.loaded = true;
            this.draw();
            for (const change of this.rows.filter(({id}) => this.opened.has(id))) await this.detail(change);
        } catch (error) {
            this.acts.tell(`The changes could not be read: ${error.message}`, "bad");
        }
    }

    draw() {
        for (const choice of this.choices)
            choice.setAttribute("aria-pressed", String(choice.dataset.filter === this.filter));
        const here = new Set(this.rows.filter(is_refused).map(change => change.id));
        for (const id of this.picked) if (!here.has(id)) this.picked.delete(id);
        fill(find("change-rows"), this.rows.flatMap(change => [{change}, {change, detail: true}]),
            ({change, detail}) => change.id + (detail ? "+" : ""),
            item => item.detail ? this.begin_detail(item.change) : this.begin_row(item.change),
            (element, item) => !item.detail && this.update_row(element, item.change));
        show(find("change-more"), Boolean(this.more));
        const [, , none] = FILTERS.find(([name]) => name === this.filter);
        say(find("change-none"), this.loaded ? none : "Reading …");
        show(find("change-none"), this.rows.length === 0);
        this.draw_bulk();
    }

    draw_bulk() {
        const refused = this.rows.filter(is_refused), n = this.picked.size;
        mark(find("bulk"), "idle", String(refused.length === 0));
        find("select-all").checked = n > 0 && n === refused.length;
        find("select-all").indeterminate = n > 0 && n < refused.length;
        find("select-all").disabled = refused.length === 0;
        say(find("selected"), n ? `${count(n)} selected` : "None selected");
        for (const button of find("bulk").querySelectorAll("button")) button.disabled = n === 0;
        for (const box of find("change-rows").querySelectorAll("input")) box.checked = this.picked.has(box.value);
    }

    draw_states() {
        const rows = find("change-rows").kept ?? new Map();
        for (const change of this.rows) {
            const element = rows.get(change.id);
            if (change.state === "failed" && element) say(element.state, state_of(change));
        }
    }

    pick_all(wanted) {
        this.picked = new Set(wanted ? this.rows.filter(is_refused).map(change => change.id) : []);
        this.draw_bulk();
    }

    begin_row(change) {
        const element = row(COLUMNS), cells = element.cells_, {id} = change;
        element.box = make("input", {
            type: "checkbox", value: id, "aria-label": `Select ${name_of(change)}`, onchange: event => {
                event.target.checked ? this.picked.add(id) : this.picked.delete(id);
                this.draw_bulk();
            },
        });
        element.state = make("span.pill");
        element.open = make("button.quiet", {
            type: "button", "aria-expanded": "false", onclick: () => this.toggle(id),
        }, "Details");
        const [retry, skip, discard] = [["retry", "Retry"], ["skip", "Skip …"], ["discard", "Discard …"]]
            .map(([act, title]) => make("button.quiet", {
                type: "button", "aria-label": `${title.replace(" …", "")} ${name_of(change)}`,
                onclick: () => this.act(act, this.rows.filter(one => one.id === id)),
            }, title));
        element.acts = make("span.acts", {}, retry, skip, discard);
        cells.pick.append(element.box);
        cells.state.append(element.state);
        cells.act.append(element.acts, element.open);
        return element;
    }

    update_row(element, change) {
        const refused = is_refused(change);
        say_cells(element, {
            name: brief(name_of(change)),
            operation: change.operation + (change.from_server ? ", from the server" : ""),
            when: time(change.timestamp),
            why: why_of(change),
        });
        say(element.state, state_of(change));
        mark(element.state, "tone", TONES[change.state] ?? "quiet");
        show(element.box, refused);
        show(element.acts, refused);
    }

    //  ------------------------------------------------------------------------- details

    begin_detail({id}) {
        const cell = make("td", {role: "cell", colSpan: COLUMNS.length}, "Reading …");
        return make("tr.detail", {role: "row", hidden: !this.opened.has(id)}, cell);
    }

    async toggle(id) {
        const opens = !this.opened.has(id), kept = find("change-rows").kept;
        opens ? this.opened.add(id) : this.opened.delete(id);
        kept.get(id).open.setAttribute("aria-expanded", String(opens));
        show(kept.get(`${id}+`), opens);
        if (opens) await this.detail({id});
    }

    async detail({id}) {
        const cell = find("change-rows").kept.get(`${id}+`)?.firstChild;
        try {
            const found = await this.link.get(`/api/change?id=${encodeURIComponent(id)}`);
            if (cell) cell.replaceChildren(...this.paragraphs(found));
        } catch (error) {
            if (cell) say(cell, error.message);
        }
    }

    paragraphs({changes, errors}) {
        const change = changes?.[0];
        if (!change) return [make("p", {}, "This change is not kept any more.")];
        const facts = [["Change id", change.id], ["Transaction", change.txn], ["Verdict", change.verdict],
            ["Position", change.lsn === "0/0" ? "" : change.lsn], ["Refused", change.attempts || ""],
            ["Waits for", change.held_by], ["Sent with", change.folded_into], ["Reason", change.skip_reason]];
        return [
            make("dl.facts", {}, ...facts.filter(([, value]) => value).map(([name, value]) =>
                make("div", {}, make("dt", {}, name), make("dd.code", {}, String(value))))),
            make("h3", {}, errors?.length ? "Errors, oldest first" : "It had no errors"),
            make("ol.errors", {}, ...(errors ?? []).map(error => make("li", {},
                make("time", {dateTime: error.time}, time(error.time)),
                make("span", {}, `attempt ${error.attempt}`), make("strong", {}, error.code),
                make("span", {}, error.message)))),
            ...[["Values", change.data], ["Before", change.old_data], ["Metadata", change.metadata]]
                .filter(([, text]) => text).map(([title, text]) =>
                    make("div", {}, make("h3", {}, title), make("pre", {}, pretty(text)))),
        ];
    }

    //  ---------------------------------------------------------------------------- acts

    async act(act, changes) {
        if (changes.length && await this.acts.do(act, changes)) this.look();
    }
}
