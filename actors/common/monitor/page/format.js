//  format - numbers, times and positions as people read them.

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});

export const count = number => whole.format(number ?? 0);

export function rate(number) {
    if (number === null || number === undefined) return "–";
    if (number < 9.95 && !Number.isInteger(number)) return number.toFixed(1);
    return whole.format(number);
}

export function bytes(number) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (number >= 1000 && unit < units.length - 1) {
        number /= 1000;
        unit++;
    }
    return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

export function micros(number) {
    if (number === null || number === undefined) return "–";
    const [value, unit] = number < 1000 ? [number, "µs"] :
        number < 1e6 ? [number / 1000, "ms"] : [number / 1e6, "s"];
    return `${value < 10 && unit !== "µs" ? value.toFixed(1) : whole.format(value)} ${unit}`;
}

//  "3 s", "5 min", "2 h", "4 days": the largest unit that fits.
export function span(milliseconds) {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    if (seconds < 90) return `${seconds} s`;
    if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
    if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
}

const two = number => String(number).padStart(2, "0");

//  Time of day here; with its date if that is not today.
export function time(text, millis = false) {
    const date = new Date(text);
    if (!text || Number.isNaN(date.getTime())) return "";
    const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
    const fraction = millis ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
    return (date.toDateString() === new Date().toDateString() ? "" : day) + parts + fraction;
}

//  The time below which that part of what a histogram counted lies; null if it counted nothing.
//  Buckets double, so we go straight through the one that it falls into.
export function percentile(buckets, part) {
    const total = (buckets ?? []).reduce((sum, bucket) => sum + bucket.count, 0);
    let left = total * part;
    for (const {below, count: n} of buckets ?? []) {
        if (n > 0 && left <= n) return below / 2 + (below / 2) * (left / n);
        left -= n;
    }
    return null;
}

export function total(buckets) {
    return (buckets ?? []).reduce((sum, bucket) => sum + bucket.count, 0);
}

//  JSON text, indented; as it is if it is none.
export function pretty(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

export const brief = (text, most = 120) => text.length > most ? `${text.slice(0, most)}…` : text;

export const plural = (number, one, many = `${one}s`) =>
    `${count(number)} ${number === 1 ? one : many}`;

//  As the first thing said: with a capital, and an end.
export const sentence = text => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
