//  The page of an agent, in a browser: what it shows is what the database has, and what its buttons
//  promise is done.

import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {sql, until, with_page, World} from "./world.mjs";

const world = new World();
before(() => world.start());
after(() => world.stop());

const on_page = (body, options) => with_page(world, ({agent}) => agent, options, body);

//  ----------------------------------------------------------------------------- helpers

let number = 0;

//  A change that the server has refused for good; gives its id and that of its row.
async function parked(title = "damn") {
    const note = `note-${++number}`;
    const id = (await world.agent.verb("upsert", "notes", note, JSON.stringify({title}))).trim();
    await until("the change is parked", async () => (await world.agent.change(id)).state === "parked");
    return {id, note};
}

const done = id => until("the change is done", async () => {
    const change = await world.agent.change(id);
    return change.state === "done" && change;
});

const row = (page, note) => page.locator("#change-rows tr", {has: page.getByText(`notes ${note}`, {exact: true})});
const tile = (page, name) => page.locator(".tile", {hasText: name}).locator("dd");
const fact = (page, name) => page.locator("#facts div", {has: page.getByText(name, {exact: true})}).locator("dd");
const titles = (db, note) => sql(db, `SELECT title FROM notes WHERE id = '${note}'`);

const shows = (locator, text) => until(`${text} is shown`, async () => (await locator.textContent()) === text);

async function let_swear(allowed) {
    const triggers = ["no_swearing BEFORE INSERT", "no_cursing BEFORE UPDATE"];
    for (const trigger of triggers)
        await sql(world.server.db, allowed ? `DROP TRIGGER ${trigger.split(" ")[0]}` : `CREATE TRIGGER ${trigger}
            ON notes WHEN NEW.title LIKE '%damn%' BEGIN SELECT RAISE(ABORT, 'mind your language'); END`);
}

//  --------------------------------------------------------------------------- the state

test("shows the state that the database is in", on_page(async page => {
    await parked();
    const [{refused}] = await sql(world.agent.db, "SELECT count(*) AS refused FROM local_changes WHERE state = 'parked'");
    const status = await world.agent.status();
    await shows(tile(page, "Parked"), String(refused));
    await shows(tile(page, "Pending"), "0");
    await shows(fact(page, "Position"), status.lsn);
    await shows(fact(page, "Server's position"), status.server_lsn);
    await shows(fact(page, "Client id"), status.client_id);
    await shows(fact(page, "Database"), world.agent.db);
    await page.locator("#state", {hasText: "Connected"}).waitFor();
    const rows = page.locator("#change-rows tr:not(.detail)");
    await until("all of them are listed", async () => (await rows.count()) === refused);
}));

test("shows what is recorded while it is open", on_page(async page => {
    await page.getByRole("button", {name: "All"}).click();
    await world.agent.verb("upsert", "notes", "fresh", '{"title":"tea"}');
    await row(page, "fresh").getByText("applied").waitFor();
    await page.locator("#times tr", {hasText: /^Record/}).waitFor();
    await page.locator("#actor-rows tr", {hasText: "recorder"}).getByText("ready").waitFor();
}));

test("pauses and resumes", on_page(async page => {
    await page.getByRole("button", {name: "Pause"}).click();
    await shows(page.locator("#state"), "Paused");
    assert.equal((await world.agent.status()).state, "stopped");
    const id = (await world.agent.verb("upsert", "notes", "paused", '{"title":"later"}')).trim();
    await shows(tile(page, "Pending"), "1");
    assert.equal((await world.agent.change(id)).state, "pending");
    await page.getByRole("button", {name: "Resume"}).click();
    await page.locator("#state", {hasText: "Connected"}).waitFor();
    assert.equal((await done(id)).verdict, "applied");
    await shows(tile(page, "Pending"), "0");
    assert.equal((await titles(world.server.db, "paused"))[0].title, "later");
}));

//  ------------------------------------------------------------------------ refused changes

test("shows every error that a change had", on_page(async page => {
    const {id, note} = await parked();
    await row(page, note).getByRole("button", {name: "Details"}).click();
    const detail = row(page, note).locator("xpath=following-sibling::tr[1]");
    await detail.getByText(id).first().waitFor();
    assert.match(await detail.locator(".errors li").first().textContent(), /RULE_VIOLATION.*mind your language/);
    assert.match(await detail.locator("pre").first().textContent(), /"title": "damn"/);
}));

test("retries a change", on_page(async page => {
    const {id, note} = await parked();
    await row(page, note).waitFor();
    await let_swear(true);
    await row(page, note).getByRole("button", {name: "Retry"}).click();
    const change = await done(id);
    await let_swear(false);
    assert.equal(change.verdict, "applied");
    assert.equal((await titles(world.server.db, note))[0].title, "damn");
    await row(page, note).waitFor({state: "detached"});
}));

test("skips a change for a reason", on_page(async page => {
    const {id, note} = await parked();
    await row(page, note).getByRole("button", {name: "Skip"}).click();
    const dialog = page.getByRole("dialog", {name: "Skip 1 change?"});
    await dialog.getByRole("button", {name: "Skip 1 change"}).click(); // refused without a reason
    assert.equal((await world.agent.change(id)).state, "parked");
    await dialog.getByLabel("Why are they skipped?").fill("not worth it");
    await dialog.getByRole("button", {name: "Skip 1 change"}).click();
    const change = await done(id);
    assert.deepEqual([change.verdict, change.skip_reason], ["skipped", "not worth it"]);
    await page.getByText("1 change skipped.").waitFor();
    await row(page, note).waitFor({state: "detached"});
}));

test("keeps a question that is asked again before the end of the first was told", on_page(async page => {
    const {id, note} = await parked();
    const skip = row(page, note).getByRole("button", {name: "Skip"});
    await skip.click();
    await skip.evaluate(button => {
        document.getElementById("skip").close("no");
        button.click();
    });
    await page.getByLabel("Why are they skipped?").fill("asked twice");
    await page.getByRole("button", {name: "Skip 1 change"}).click();
    assert.equal((await done(id)).skip_reason, "asked twice");
}));

test("discards a change after asking, and says what is lost", on_page(async page => {
    const {id, note} = await parked("damn it all");
    const dialog = page.getByRole("dialog", {name: "Discard 1 change?"});
    await row(page, note).getByRole("button", {name: "Discard"}).click();
    await dialog.getByText("damn it all").waitFor();
    await dialog.getByRole("button", {name: "Cancel"}).click();
    assert.equal((await world.agent.change(id)).state, "parked");
    await row(page, note).getByRole("button", {name: "Discard"}).click();
    await dialog.getByRole("button", {name: "Discard 1 change"}).click();
    assert.equal((await done(id)).verdict, "discarded");
    assert.equal((await titles(world.agent.db, note)).length, 0);
    await row(page, note).waitFor({state: "detached"});
}));

test("acts on all that is selected, and on nothing else", on_page(async page => {
    const [first, second, third] = [await parked(), await parked(), await parked()];
    for (const {note} of [first, third]) await row(page, note).getByRole("checkbox").check();
    await page.getByText("2 selected").waitFor();
    await page.locator("#bulk").getByRole("button", {name: "Discard"}).click();
    await page.getByRole("button", {name: "Discard 2 changes"}).click();
    for (const {id} of [first, third]) assert.equal((await done(id)).verdict, "discarded");
    assert.equal((await world.agent.change(second.id)).state, "parked");
    await page.getByText("None selected").waitFor();
}));

//  ---------------------------------------------------------------------------- the stream

//  Each thread of the process begins to tell when it hears that somebody follows, some time after the
//  page does: so this writes until all of these messages are shown.
async function writes_until_shown(page, note, title, names) {
    await page.getByText("Following", {exact: true}).waitFor();
    await until(`${names} are shown`, async () => {
        await world.agent.verb("upsert", "notes", note, JSON.stringify({title}));
        const shown = await page.locator("#stream li strong").allTextContents();
        return names.every(name => shown.includes(name));
    });
}

test("follows messages, and only those that the filter lets pass", on_page(async page => {
    const lines = page.locator("#stream li:not(.lost)");
    await page.getByLabel("Type").fill("writ*");
    await page.getByRole("button", {name: "Follow", exact: true}).click();
    await writes_until_shown(page, "followed", "look", ["write", "written"]);
    const names = await lines.locator("strong").allTextContents();
    assert.deepEqual([...new Set(names)].sort(), ["write", "written"]);
    await lines.filter({hasText: "followed"}).first().getByRole("button").click();
    await lines.locator("pre", {hasText: '"id": "followed"'}).first().waitFor();
    await page.getByRole("button", {name: "Stop"}).click();
    await page.getByRole("button", {name: "Follow", exact: true}).waitFor();
}));

test("holds the messages, and says how many it does not show", on_page(async page => {
    await page.getByLabel("Type").fill("writ*");
    await page.getByRole("button", {name: "Follow", exact: true}).click();
    await page.getByRole("button", {name: "Hold"}).click();
    await world.agent.flood("notes", 400, {title: "one of many"});
    await world.agent.verb("status", "--wait", "synced");
    assert.equal(await page.locator("#stream li").count(), 0);
    await page.getByRole("button", {name: "Go on"}).click();
    await page.locator("#stream .lost", {hasText: /messages in between are not shown/}).waitFor();
    assert.ok(await page.locator("#stream li").count() <= 500);
}));

//  Nothing goes wrong here by itself: the logger does not take what is sent to it.
test("shows dead letters, and why they are dead", on_page(async page => {
    await page.getByText("There are none.").waitFor();
    await world.agent.verb("tap", "send", "logger", "parcel", '{"number": 4711}');
    const listed = await until("it is a dead letter", async () =>
        (await world.agent.verb("tap", "deadletters", "list", "--json")).trim());
    const {reason, from} = JSON.parse(listed);
    await page.reload();
    const letter = page.locator("#letter-rows li", {hasText: "parcel"});
    await letter.getByText(reason, {exact: true}).waitFor();
    await letter.getByText(`${from} → logger`, {exact: true}).waitFor();
    await letter.getByRole("button").click();
    await letter.locator("pre", {hasText: '"number": 4711'}).waitFor();
}));

test("shows what is logged", on_page(async page => {
    await page.getByRole("button", {name: "Pause"}).click();
    await page.locator("#log-rows li", {hasText: "connection-manager"}).getByText(/-> stopped/).waitFor();
    await page.getByRole("button", {name: "Resume"}).click();
    await page.locator("#state", {hasText: "Connected"}).waitFor();
}));

//  -------------------------------------------------------------------------- the border

test("shows what strangers wrote as text, and runs none of it", on_page(async page => {
    const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    const id = (await world.agent.verb("upsert", "notes", evil, JSON.stringify({title: `damn ${evil}`}))).trim();
    await page.getByRole("button", {name: "Follow", exact: true}).click();
    await writes_until_shown(page, "harmless", evil, ["write"]);
    await until("the change is parked", async () => (await world.agent.change(id)).state === "parked");
    await row(page, evil).getByRole("button", {name: "Details"}).click();
    await page.locator(".detail pre", {hasText: "onerror"}).waitFor();
    await page.locator("#stream li", {hasText: "onerror"}).first().waitFor();
    await row(page, evil).getByRole("button", {name: "Discard"}).click();
    await page.locator("#discard li", {hasText: "onerror"}).waitFor();
    assert.equal(await page.locator("img, body script, iframe").count(), 0);
    await page.getByRole("button", {name: "Discard 1 change"}).click();
    await done(id);
}));

test("says that it has lost the process, and comes back with it", async () => {
    const page = await world.open(world.agent);
    await page.getByText("Live", {exact: true}).waitFor();
    await world.agent.stop("SIGKILL");
    await page.getByText("The connection to this process is lost.").waitFor();
    assert.equal(await page.locator("#link").textContent(), "Connection lost");
    await world.agent.start();
    await page.getByText("Live", {exact: true}).waitFor();
    assert.equal(await page.locator("#lost").isVisible(), false);
    await page.locator("#state", {hasText: "Connected"}).waitFor();
    await page.context().close();
});

test("asks for the token that the process wants", async () => {
    const {chmod, writeFile} = await import("node:fs/promises");
    const secret = "a-token-of-thirty-two-characters";
    const file = `${world.dir}/token`;
    await writeFile(file, secret);
    await chmod(file, 0o600);
    const guarded = world.new_agent("guarded", {monitor: {token_file: file}});
    await guarded.start();
    const page = await world.open(guarded);
    const dialog = page.getByRole("dialog", {name: "This page needs a token"});
    await dialog.getByLabel("Token").fill("not this one, not this one, no");
    await dialog.getByRole("button", {name: "Open"}).click();
    await dialog.getByText("That was not the token of this process.").waitFor();
    await dialog.getByLabel("Token").fill(secret);
    await dialog.getByRole("button", {name: "Open"}).click();
    await page.getByText("Live", {exact: true}).waitFor();
    assert.equal((await page.goto(page.url())).url().includes(secret), false);
    await page.context().close();
    await guarded.stop();
});
