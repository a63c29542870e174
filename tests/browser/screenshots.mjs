//  screenshots - makes the pictures of docs/: a small shop with two agents, a minute into its day.

import {spawn} from "node:child_process";
import {join} from "node:path";
import {PROGRAM, sql, until, World} from "./world.mjs";

const SHOP = `
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY NOT NULL, customer TEXT NOT NULL, total INTEGER NOT NULL,
  CHECK (total >= 0));
CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY NOT NULL, left_over INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS sold_out BEFORE UPDATE ON stock WHEN NEW.left_over < 0
BEGIN SELECT RAISE(ABORT, 'sold out: there are not so many left'); END;`;
const MINUTE = 58; // seconds, so that the plots are full

const out = process.env.SCREENSHOTS;
const world = new World();
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

//  Goes on recording orders, some more and some less, until it is told to stop.
function sell(agent, phase) {
    const till = spawn(PROGRAM, ["apply", "--run-dir", agent.run_dir, "-"], {stdio: ["pipe", "ignore", "inherit"]});
    let n = 0;
    const timer = setInterval(() => {
        const many = Math.round(4 + 3 * Math.sin(n / 40 + phase) + Math.random() * 2);
        for (let i = 0; i < many; i++)
            till.stdin.write(`${JSON.stringify({changes: [{
                table: "orders", operation: "upsert", id: `${agent.name}-${++n}`,
                data: {customer: ["Ada", "Grace", "Edsger", "Barbara"][n % 4], total: n * 37 % 900},
            }]})}\n`);
    }, 150);
    return () => {
        clearInterval(timer);
        till.stdin.end();
    };
}

async function picture(name, subject, options, prepare, height) {
    const page = await world.open(subject, options);
    await page.getByText("Live", {exact: true}).waitFor();
    await prepare(page);
    await page.evaluate(() => scrollTo({top: 0, behavior: "instant"}));
    const clip = {x: 0, y: 0, width: page.viewportSize().width, height};
    await page.screenshot({path: join(out, name), clip, fullPage: true});
    await page.context().close();
}

const details = page => page.getByRole("button", {name: "Details"}).first().click();

try {
    await world.start(SHOP);
    const other = world.new_agent("till-2");
    await other.start();
    await world.agent.verb("upsert", "stock", "teapot", '{"left_over":1}', "--wait");
    await sql(world.server.db, "UPDATE stock SET left_over = 0");
    const refused = [["stock", "teapot", '{"left_over":-1}'],
        ["orders", "A-1042", '{"customer":"Alan","total":-5}']];
    for (const [table, id, data] of refused) await world.agent.verb("upsert", table, id, data);
    await until("both are parked", async () => (await world.agent.status()).parked === refused.length);
    const stops = [sell(world.agent, 0), sell(other, 2)];
    const minute = async page => {
        await pause(MINUTE * 1000);
        if (await page.getByRole("button", {name: "Details"}).count()) await details(page);
    };
    await Promise.all([
        picture("monitor-agent.png", world.agent, {}, minute, 1420),
        picture("monitor-server.png", world.server, {}, minute, 1400),
        picture("monitor-phone.png", world.agent,
            {colorScheme: "dark", viewport: {width: 360, height: 740}, deviceScaleFactor: 2}, minute, 1480),
    ]);
    for (const stop of stops) stop();
    await other.stop();
} finally {
    await world.stop();
}
