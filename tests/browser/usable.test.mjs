//  The page for everybody: by keyboard, on a phone, in the dark, and for screen readers.

import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {until, with_page, World} from "./world.mjs";

const world = new World();
const REFUSED = 3;

before(async () => {
    await world.start();
    for (let i = 0; i < REFUSED; i++)
        await world.agent.verb("upsert", "notes", `long-key-${"x".repeat(60)}-${i}`, '{"title":"damn"}');
    await until("all are parked", async () => (await world.agent.status()).parked === REFUSED);
});
after(() => world.stop());

const PHONE = {viewport: {width: 360, height: 740}};
const DARK = {colorScheme: "dark"};

//  All that the page can show, open.
async function open_everything(page) {
    const details = page.getByRole("button", {name: "Details"});
    await details.first().click();
    await page.locator(".detail:not([hidden]) pre").first().waitFor();
    await page.getByRole("button", {name: "Follow", exact: true}).click();
    await page.getByText("Following", {exact: true}).waitFor();
    await until("messages are shown", async () => {
        await world.agent.verb("upsert", "notes", "traffic", '{"title":"here it comes"}');
        return page.locator("#stream li").count();
    });
    await page.locator("#actor-rows tr").first().waitFor();
}

const everywhere = (name, options, body) => {
    for (const role of ["agent", "server"])
        test(`${name} (${role})`, with_page(world, ({[role]: process}) => process, options, async page => {
            await open_everything(page);
            await body(page);
        }));
};

everywhere("needs no scrolling to the side, not on a phone either", PHONE, async page => {
    for (const width of [PHONE.viewport.width, 320, 768, 901, 1280]) {
        await page.setViewportSize({width, height: PHONE.viewport.height});
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }
});

//  ----------------------------------------------------------------------- light and dark

//  Texts that stand out too little from what is behind them: WCAG 2, level AA.
function pale_texts() {
    const channels = text => text.match(/[\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => element ? over(channels(getComputedStyle(element).backgroundColor),
        ground(element.parentElement)) : [255, 255, 255];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), pale = [];
    for (let node; (node = texts.nextNode());) {
        const element = node.parentElement;
        if (!node.data.trim() || !element.checkVisibility() || element.closest(":disabled")) continue;
        const back = ground(element), front = over(channels(getComputedStyle(element).color), back);
        const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
        if ((high + 0.05) / (low + 0.05) < 4.5) pale.push(`${element.className}: ${node.data.trim()}`);
    }
    return pale;
}

everywhere("can be read in the light", {colorScheme: "light"}, async page =>
    assert.deepEqual(await page.evaluate(pale_texts), []));

everywhere("can be read in the dark", DARK, async page => {
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.ok(ground.match(/\d+/g).every(channel => channel < 64), ground);
    assert.deepEqual(await page.evaluate(pale_texts), []);
});

//  ---------------------------------------------------------------------- screen readers

//  What a screen reader could not tell.
function mute() {
    const wrong = [];
    const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id ${id} twice`);
    for (const name of ["aria-labelledby", "aria-describedby", "for", "list"])
        for (const element of document.querySelectorAll(`[${name}]`))
            if (!document.getElementById(element.getAttribute(name))) wrong.push(`${name} leads nowhere`);
    for (const control of document.querySelectorAll("button, input, select, a"))
        if (!(control.getAttribute("aria-label") || control.textContent.trim() || control.labels?.length))
            wrong.push(`no name: ${control.outerHTML}`);
    let level = 0;
    for (const heading of document.querySelectorAll("main :is(h1, h2, h3), h1")) {
        const next = Number(heading.tagName[1]);
        if (next > level + 1 && level) wrong.push(`h${next} after h${level}`);
        level = next;
    }
    for (const table of document.querySelectorAll("table"))
        if ([...table.querySelectorAll("thead th")].some(head => !head.textContent.trim())) wrong.push("a nameless column");
    if (!document.documentElement.lang || document.querySelectorAll("main").length !== 1) wrong.push("landmarks");
    return wrong;
}

everywhere("has a name for everything", {}, async page => assert.deepEqual(await page.evaluate(mute), []));

//  ------------------------------------------------------------------------ by keyboard

const focused = page => page.evaluate(() => {
    const element = document.activeElement, style = getComputedStyle(element);
    return {
        name: element.getAttribute("aria-label") ?? element.textContent.trim(), id: element.id,
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        dialog: element.closest("dialog")?.id ?? "",
    };
});

//  Presses Tab until the focus is there; whatever it passes must show that it has it.
async function tab_to(page, wanted) {
    for (let i = 0; i < 100; i++) {
        await page.keyboard.press("Tab");
        const focus = await focused(page);
        if (focus.name !== "" || focus.id) assert.ok(focus.outlined, `no outline: ${JSON.stringify(focus)}`);
        if (wanted(focus)) return focus;
    }
    assert.fail("it cannot be reached by Tab");
}

test("needs no mouse to skip a change", with_page(world, ({agent}) => agent, {}, async page => {
    await page.getByRole("button", {name: /^Skip notes/}).first().waitFor();
    await tab_to(page, ({name}) => name.startsWith("Skip notes"));
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.equal((await focused(page)).id, "skip-reason");
    for (let i = 0; i < 6; i++) {
        await page.keyboard.press("Tab");
        assert.ok(["skip", ""].includes((await focused(page)).dialog)); // "": the browser's own controls
        assert.equal(await page.evaluate(() => document.activeElement.closest("main")), null);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({state: "hidden"});
    assert.match((await focused(page)).name, /^Skip notes/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("by keyboard");
    await page.keyboard.press("Enter");
    await until("one is skipped", async () => (await world.agent.status()).parked === REFUSED - 1);
}));
