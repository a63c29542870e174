//  The page of a server, in a browser.

import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {sql, until, with_page, World} from "./world.mjs";

const world = new World();
before(() => world.start());
after(() => world.stop());

const on_page = body => with_page(world, ({server}) => server, {}, body);
const tile = (page, name) => page.locator(".tile", {has: page.getByText(name, {exact: true})}).locator("dd");
const shows = (locator, text) => until(`${text} is shown`, async () => (await locator.textContent()) === text);

test("shows its clients, and how far each is", on_page(async page => {
    const {client_id} = await world.agent.status();
    const client = page.locator("#client-rows tr", {hasText: client_id});
    await client.getByText("live").waitFor();
    await world.agent.verb("upsert", "notes", "a", '{"title":"tea"}');
    await world.agent.verb("status", "--wait", "synced");
    const {lsn} = await world.agent.status();
    await shows(client.locator(".at"), lsn);
    await shows(client.locator(".lag"), "0");
    await shows(tile(page, "Clients"), "1");
}));

test("shows the changes that it rejected", on_page(async page => {
    await world.agent.verb("upsert", "notes", "b", '{"title":"damn"}');
    await page.locator("#rejected-rows").getByText("mind your language").first().waitFor();
    const [kept] = await sql(world.server.db, "SELECT * FROM changes_history ORDER BY seq DESC LIMIT 1");
    const shown = page.locator("#rejected-rows tr", {hasText: kept.code}).first();
    await shown.getByText(kept.client_id).waitFor();
    await shown.getByRole("button", {name: "Details"}).click();
    await page.locator(".detail", {hasText: kept.change_id}).getByText('"title": "damn"').waitFor();
}));

test("shows when a change was rejected last", on_page(async page => {
    const newest = async () => (await sql(world.server.db, "SELECT * FROM changes_history ORDER BY seq DESC LIMIT 1"))[0];
    await world.agent.verb("upsert", "notes", "again", '{"title":"damn it"}');
    await page.locator("#rejected-rows .detail", {hasText: '"damn it"'}).waitFor({state: "attached"});
    const {change_id, time: first} = await newest();
    await until("the clock shows another second", async () => Date.now() - first > 1000);
    await world.agent.verb("retry", change_id);
    await until("it is rejected again", async () => (await newest()).time > first);
    const clock = new Date((await newest()).time).toTimeString().slice(0, 8);
    await shows(page.locator("#rejected-rows tr .when").first(), clock);
}));

test("shows how much history it keeps", on_page(async page => {
    const [{kept}] = await sql(world.server.db, "SELECT count(DISTINCT lsn) AS kept FROM change_log");
    await shows(tile(page, "History"), String(kept));
    await sql(world.server.db, "INSERT INTO notes VALUES ('x', 'by another program', NULL)");
    await until("the capture is timed", async () => / m?s$/.test(await tile(page, "Capture lag, p99").textContent()));
    await shows(tile(page, "History"), String(kept + 1));
}));

test("tells that a client has gone", on_page(async page => {
    const {client_id} = await world.agent.status();
    await world.agent.stop();
    await page.locator("#client-rows tr", {hasText: client_id}).waitFor({state: "detached"});
    await page.getByText("No client is connected.").waitFor();
    await shows(tile(page, "Clients"), "0");
    await world.agent.start();
    await shows(tile(page, "Clients"), "1");
}));
