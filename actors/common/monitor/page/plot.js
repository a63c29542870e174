//  plot - a rate over the last minutes, as a small line with the area under it.

import {make, mark, say, svg} from "./dom.js";
import {rate} from "./format.js";

const MINUTE = 60, MOST = 5 * MINUTE, HEIGHT = 48;

//  The next rounder number, and at least 1.
function ceiling(highest) {
    const unit = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
    return [1, 2, 3, 4, 5, 6, 8, 10].map(n => n * unit).find(n => n >= highest);
}

export class Plot {
    constructor(name, what, format = rate) {
        this.format = format;
        this.samples = [];
        this.area = svg("path", {class: "area"});
        this.line = svg("path", {class: "line"});
        this.now = make("output.now", {}, "–");
        this.top = make("span.peak", {}, "");
        this.picture = svg("svg", {preserveAspectRatio: "none", "aria-hidden": "true"});
        this.picture.append(this.area, this.line);
        this.began = make("span");
        this.element = make("figure.plot", {title: what},
            make("figcaption", {}, make("span", {}, name), make("span", {},
                this.now, make("span.unit", {}, " /s"))),
            make("div.picture", {}, this.picture, this.top),
            make("div.axis", {"aria-hidden": "true"}, this.began, make("span", {}, "now")));
    }

    //  A value for this second; null if it is not known.
    add(value) {
        this.samples.push(value);
        if (this.samples.length > MOST) this.samples.shift();
        say(this.now, value === null ? "–" : this.format(value));
        this.draw();
    }

    draw() {
        const highest = ceiling(Math.max(...this.samples.map(value => value ?? 0)));
        say(this.top, this.format(highest));
        mark(this.element, "quiet", String(this.samples.every(value => !value)));
        const width = this.samples.length > MINUTE ? MOST : MINUTE, left = width - this.samples.length;
        this.picture.setAttribute("viewBox", `0 0 ${width - 1} ${HEIGHT}`);
        say(this.began, width === MINUTE ? "1 min ago" : "5 min ago");
        let line = "", area = "", from = 0;
        this.samples.forEach((value, i) => {
            const x = left + i, known = value !== null;
            const y = known ? (HEIGHT - 1 - (HEIGHT - 3) * value / highest).toFixed(1) : 0;
            const before = i > 0 && this.samples[i - 1] !== null;
            if (known && !before) from = x;
            if (known) line += `${before ? "L" : "M"}${x} ${y}`;
            if (known) area += before ? `L${x} ${y}` : `M${x} ${HEIGHT}L${x} ${y}`;
            const ends = known && (i + 1 === this.samples.length || this.samples[i + 1] === null);
            if (ends) area += `L${x} ${HEIGHT}L${from} ${HEIGHT}Z`;
        });
        this.line.setAttribute("d", line);
        this.area.setAttribute("d", area);
    }
}
