//  stream - the messages between actors as they happen, for as long as somebody follows them.

import {find, make, say, show} from "./dom.js";
import {bytes, plural, time} from "./format.js";

const MOST = 500; // lines kept
const DRAW_MS = 100;

//  A line that opens to all that is known of it.
export function line(summary, whole) {
    const rest = make("pre", {hidden: true});
    const button = make("button.line", {
        type: "button", "aria-expanded": "false", onclick: () => {
            if (!rest.textContent) say(rest, whole());
            button.setAttribute("aria-expanded", String(rest.hidden));
            rest.hidden = !rest.hidden;
        },
    }, ...summary);
    return make("li", {}, button, rest);
}

//  Newest first, not more than most.
export function prepend(list, elements, most) {
    list.prepend(...elements.reverse());
    while (list.childElementCount > most) list.lastElementChild.remove();
}

export class Stream {
    constructor(link, acts) {
        this.link = link;
        this.acts = acts;
        this.waiting = [];
        this.lost = 0;
        link.addEventListener("message", event => this.hear(event.detail));
        link.addEventListener("lost", event => this.hear({lost: event.detail.count}));
        link.addEventListener("up", () => this.wanted && this.start());
        find("follow").onsubmit = event => {
            event.preventDefault();
            this.wanted && !this.changed ? this.stop() : this.start();
        };
        find("follow").oninput = () => {
            this.changed = Boolean(this.wanted);
            this.draw_bar();
        };
        find("follow-hold").onclick = () => {
            this.held = !this.held;
            this.draw_bar();
            this.draw();
        };
        find("follow-clear").onclick = () => {
            find("stream").replaceChildren();
            this.waiting = [];
            this.lost = 0;
            this.draw_bar();
        };
    }

    async start() {
        const filter = {type: find("follow-type").value.trim(), actor: find("follow-actor").value};
        try {
            await this.link.ask({do: "follow", ...filter});
            this.wanted = filter;
            this.changed = false;
        } catch (error) {
            this.wanted = null;
            this.acts.tell(`The messages cannot be followed: ${error.message}`, "bad");
        }
        this.draw_bar();
    }

    stop() {
        this.wanted = null;
        this.held = false;
        this.link.ask({do: "unfollow"}).catch(() => {}); // a connection that is gone follows nothing
        this.draw();
        this.draw_bar();
    }

    hear(message) {
        if (!this.wanted) return;
        this.waiting.push(message);
        if (this.waiting.length === MOST) { // one line is for how many are not shown
            this.waiting.shift();
            this.lost++;
        }
        if (!this.timer)
            this.timer = setTimeout(() => {
                this.timer = null;
                this.draw();
            }, DRAW_MS);
    }

    draw() {
        if (!this.held && this.waiting.length) {
            const elements = this.waiting.map(message => this.element(message));
            if (this.lost) elements.unshift(this.element({lost: this.lost}));
            this.waiting = [];
            this.lost = 0;
            prepend(find("stream"), elements, MOST);
        }
        this.draw_bar();
    }

    element(message) {
        if (message.lost)
            return make("li.lost", {}, `${plural(message.lost, "message")} in between ${message.lost === 1 ? "is" : "are"} not shown.`);
        const body = message.body ? JSON.stringify(message.body) : "";
        return line([
            make("time", {}, time(message.time, true)),
            make("span.way", {}, `${message.from} → ${message.to || "everybody"}`),
            make("strong", {}, message.name),
            make("span.size", {}, bytes(message.size ?? 0)),
            message.error ? make("span.error", {}, message.error) : null,
            make("span.body", {}, body),
        ], () => JSON.stringify(message, null, 2));
    }

    draw_bar() {
        const {wanted, changed, held} = this, waiting = this.waiting.length;
        say(find("follow-start"), wanted ? (changed ? "Apply" : "Stop") : "Follow");
        find("follow-hold").disabled = !wanted;
        say(find("follow-hold"), held ? "Go on" : "Hold");
        say(find("follow-state"), !wanted ? "" : held ? "Held" : "Following");
        show(find("stream-none"), find("stream").childElementCount === 0);
        say(find("stream-none"), !wanted ?
            "Nobody follows the messages from here. While nobody does, it costs nothing." :
            waiting && held ? "Messages are coming, but the list is held." : "No such message yet.");
    }
}
