//  dom - elements without markup: whatever comes from data becomes a text node, never HTML.

//  make("button.quiet", {onclick, title, data: {...}}, child, child...): children are nodes, texts,
//  or nothing.
export function make(name, properties = {}, ...children) {
    const [tag, ...classes] = name.split(".");
    const element = document.createElement(tag);
    element.classList.add(...classes);
    for (const [key, value] of Object.entries(properties)) {
        if (key in element && key !== "list") element[key] = value;
        else if (value !== undefined && value !== null) element.setAttribute(key, value);
    }
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
}

export function svg(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
}

export const find = id => document.getElementById(id);

//  Only what has changed is touched, so that selections and screen readers are left in peace.
export function say(element, text) {
    const value = text === undefined || text === null ? "" : String(text);
    if (element.textContent !== value) element.textContent = value;
}

export function show(element, wanted) {
    if (element.hidden === wanted) element.hidden = !wanted;
}

export function mark(element, name, value) {
    if (element.dataset[name] !== value) element.dataset[name] = value;
}

//  Makes the children of parent those of items, in order: one element for each key, kept from
//  call to call with its focus and what is open in it. begin(item) makes one, update() fills it.
export function fill(parent, items, key, begin, update) {
    const kept = parent.kept ?? (parent.kept = new Map());
    const names = new Set(items.map(key));
    for (const [name, element] of kept) {
        if (names.has(name)) continue;
        element.remove();
        kept.delete(name);
    }
    let at = parent.firstElementChild;
    for (const item of items) {
        let element = kept.get(key(item));
        if (!element) kept.set(key(item), element = begin(item));
        if (element === at) at = at.nextElementSibling;
        else parent.insertBefore(element, at);
        update(element, item);
    }
}

//  A row of a table: cells by name, each with the heading that a narrow screen shows beside it.
export function row(columns) {
    const element = make("tr", {role: "row"});
    element.cells_ = {};
    for (const [name, heading] of columns) {
        const cell = make(`td.${name}`, {role: "cell", "data-heading": heading});
        element.cells_[name] = cell;
        element.append(cell);
    }
    return element;
}

export function say_cells(element, texts) {
    for (const [name, text] of Object.entries(texts)) say(element.cells_[name], text);
}
