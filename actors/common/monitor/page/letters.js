//  letters - dead letters: messages that could not be delivered.

import {fill, find, make, show} from "./dom.js";
import {bytes, time} from "./format.js";
import {line} from "./stream.js";

export class Letters {
    constructor(link) {
        this.link = link;
        this.dead = 0;
        link.addEventListener("up", () => this.look());
        link.addEventListener("stats", event => this.notice(event.detail));
    }

    notice({actors}) {
        const dead = (actors ?? []).reduce((sum, actor) => sum + (actor.dead ?? 0), 0);
        if (dead !== this.dead) this.look();
        this.dead = dead;
    }

    async look() {
        const {letters} = await this.link.get("/api/deadletters").catch(() => ({}));
        if (!letters) return; // those that are shown stay
        fill(find("letter-rows"), letters.reverse(), letter => letter.n, letter => line([
            make("time", {}, time(letter.time, true)),
            make("strong", {}, letter.reason),
            make("span.way", {}, `${letter.from || "?"} → ${letter.to || "everybody"}`),
            make("strong", {}, letter.type),
            make("span.size", {}, bytes(letter.size ?? 0)),
            make("span.body", {}, letter.body ? JSON.stringify(letter.body) : ""),
        ], () => JSON.stringify(letter, null, 2)), () => {});
        show(find("letter-none"), letters.length === 0);
    }
}
