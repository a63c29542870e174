//  The page of a server on PostgreSQL, while that is away.

import assert from "node:assert/strict";
import {execFile} from "node:child_process";
import {join} from "node:path";
import {after, before, test} from "node:test";
import {promisify} from "node:util";
import {Process, with_page, World} from "./world.mjs";

const tool = promisify(execFile).bind(null, process.env.POSTGRES_TOOL);
const world = new World();
let cluster;

before(async () => {
    await world.start();
    cluster = join(world.dir, "cluster");
    const {stdout} = await tool(["start", cluster, "--while", String(process.pid)]);
    world.behind = new Process(world.dir, "server", "behind", {
        server: {db: stdout.trim(), cache: join(world.dir, "behind.cache"), listen: "127.0.0.1:0"},
        postgres: {name: "behind"},
    });
    await world.behind.start();
});
after(async () => {
    await world.behind?.stop();
    if (cluster) await tool(["remove", cluster]);
    await world.stop();
});

test("says that the database is away, why, and that it is back", with_page(world, () => world.behind, {}, async page => {
    await page.getByText("Running", {exact: true}).waitFor();
    await page.getByText("No change of a client was rejected.").waitFor();
    await tool(["stop", cluster, "--immediate"]);
    await page.getByText("Without its database", {exact: true}).waitFor();
    await page.getByText(/^Since .*Clients get what is in the cache; their changes wait\.$/).waitFor();
    await page.reload();
    await page.locator("#rejected-none", {hasText: /^This cannot be read now: .*\.$/}).waitFor();
    assert.equal(await page.getByText("No change of a client was rejected.").count(), 0);
    if (process.env.SCREENSHOTS) await page.screenshot({path: join(process.env.SCREENSHOTS, "away.png")});
    await tool(["start", cluster, "--while", String(process.pid)]);
    await page.getByText("Running", {exact: true}).waitFor();
    await page.getByText("No change of a client was rejected.").waitFor();
    const unread = page.complaints.filter(text => text.startsWith("Failed to load resource"));
    assert.deepEqual(page.complaints.splice(0), unread); // the browser tells of what it could not get
}));
