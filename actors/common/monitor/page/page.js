//  page - puts the parts together, and says whether what they show is true now.

import {Acts, ask} from "./acts.js";
import {Actors} from "./actors.js";
import {Changes} from "./changes.js";
import {find, mark, say, show} from "./dom.js";
import {span, time} from "./format.js";
import {Letters} from "./letters.js";
import {Link} from "./link.js";
import {Log} from "./log.js";
import {Overview} from "./overview.js";
import {Server} from "./server.js";
import {Stream} from "./stream.js";

const link = new Link();
const acts = new Acts(link);

//  Sections of the other role go away.
function become({role}) {
    if (find("role").textContent === role) return;
    say(find("role"), role);
    document.title = `Waybill ${role}`;
    for (const element of document.querySelectorAll("[data-role]"))
        show(element, element.dataset.role === role);
    if (role === "agent") new Changes(link, acts);
    else new Server(link, acts);
}

//  ------------------------------------------------------------------- is it true now?

let up = false, since = null, again = 0;

function draw_link() {
    say(find("link"), up ? "Live" : since ? "Connection lost" : "Connecting …");
    mark(find("link"), "tone", up ? "good" : since ? "bad" : "quiet");
    show(find("lost"), !up && Boolean(since));
    mark(document.body, "stale", String(!up && Boolean(since)));
    if (!up) draw_wait();
}

function draw_wait() {
    const wait = again - Date.now();
    say(find("lost-wait"), again === null ? "It wants a token." : wait > 0 ? `Trying again in ${span(wait)}.` : "Trying again …");
}

link.addEventListener("up", () => {
    up = true;
    draw_link();
});

link.addEventListener("down", ({detail}) => {
    if (up || !since) since = new Date();
    say(find("lost-what"), find("role").textContent ?
        "The connection to this process is lost." : "This process does not answer.");
    say(find("lost-since"), time(since));
    up = false;
    again = detail;
    draw_link();
});

find("lost-now").onclick = () => link.open();
setInterval(() => !up && draw_wait(), 1000);

//  --------------------------------------------------------------------------- a token

link.addEventListener("locked", async ({detail: was_wrong}) => {
    const dialog = find("unlock");
    if (dialog.open) return;
    if (was_wrong) say(find("unlock-why"), "That was not the token of this process.");
    find("token").value = "";
    if (await ask(dialog)) link.token = find("token").value.trim();
});

link.addEventListener("state", event => become(event.detail));
new Overview(link);
new Actors(link);
new Stream(link, acts);
new Letters(link);
new Log(link);
link.open();
