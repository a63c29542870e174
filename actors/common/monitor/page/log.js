//  log - what the process logs while the page is open.

import {find, make, show} from "./dom.js";
import {time} from "./format.js";
import {prepend} from "./stream.js";

const MOST = 200;

export class Log {
    constructor(link) {
        link.addEventListener("log", ({detail}) => {
            prepend(find("log-rows"), [make("li", {}, make("div.line", {},
                make("time", {}, time(detail.time, true)),
                make("span.level", {"data-level": detail.level}, detail.level),
                make("strong", {}, detail.actor),
                make("span.body", {}, detail.text)))], MOST);
            show(find("log-none"), false);
        });
    }
}
