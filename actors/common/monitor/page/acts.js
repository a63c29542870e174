//  acts - what a person has the process do: asked first where something is given up, told afterwards.

import {name_of} from "./changes.js";
import {find, make, mark, say} from "./dom.js";
import {plural} from "./format.js";

const DONE = {retry: "sent again", skip: "skipped", discard: "discarded"};
const TOLD_MS = 8000;

//  Fulfilled when it is closed: true if that was by its main button. The browser keeps the focus in
//  it, closes it at Escape and gives the focus back.
export function ask(dialog) {
    dialog.returnValue = "no";
    dialog.showModal();
    const cancel = dialog.querySelector("button[value=no]");
    if (cancel) cancel.onclick = () => dialog.close("no");
    dialog.settle?.(false); // whose close is told of when it is open again
    return new Promise(resolve => {
        dialog.settle = resolve;
        dialog.onclose = () => dialog.open || resolve(dialog.returnValue === "yes");
    });
}

//  How dialogs name the changes: not more than can be read.
function victims(changes, with_values) {
    const shown = changes.slice(0, 5).map(change => make("li", {},
        make("strong", {}, name_of(change)), ` ${change.operation}`,
        with_values && change.data ? make("code", {}, change.data) : null));
    if (changes.length > shown.length)
        shown.push(make("li", {}, `and ${plural(changes.length - shown.length, "other", "others")}`));
    return shown;
}

export class Acts {
    constructor(link) {
        this.link = link;
        for (const way of ["pause", "resume"])
            find(way).onclick = () => this.try({do: way}, () => way === "pause" ? "Paused." : "Resumed.");
    }

    tell(text, tone = "quiet") {
        clearTimeout(this.timer);
        say(find("said"), text);
        mark(find("said"), "tone", tone);
        this.timer = setTimeout(() => say(find("said"), ""), tone === "bad" ? 2 * TOLD_MS : TOLD_MS);
    }

    async try(command, text) {
        try {
            this.tell(text(await this.link.ask(command)));
            return true;
        } catch (error) {
            this.tell(`It was not done: ${error.message}`, "bad");
            return false;
        }
    }

    //  True if it was done. A transaction goes as a whole, so more may be acted on than was picked.
    async do(act, changes) {
        const command = {do: "act", act, ids: changes.map(change => change.id)};
        if (act !== "retry") {
            const dialog = find(act), what = plural(changes.length, "change");
            say(dialog.querySelector("h2"), `${act === "skip" ? "Skip" : "Discard"} ${what}?`);
            say(dialog.querySelector("button[value=yes]"), `${act === "skip" ? "Skip" : "Discard"} ${what}`);
            dialog.querySelector(".victims").replaceChildren(...victims(changes, act === "discard"));
            find("skip-reason").value = "";
            if (!await ask(dialog)) return false;
            if (act === "skip") command.reason = find("skip-reason").value.trim();
        }
        return this.try(command, answer =>
            `${plural(answer.ids?.length ?? changes.length, "change")} ${DONE[act]}.`);
    }
}
