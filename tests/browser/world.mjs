//  world - a server, an agent and a browser for the tests of the monitor page: the real programs, in
//  a directory of their own.

import {execFile, spawn} from "node:child_process";
import {mkdtemp, rm, writeFile} from "node:fs/promises";
import {createServer} from "node:net";
import {once} from "node:events";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {promisify} from "node:util";
import {chromium} from "playwright-core";

const run = promisify(execFile);
export const PROGRAM = process.env.WAYBILL;
const PATIENCE_MS = 60000; // far more than anything here takes

//  What the check gives once it is true.
export async function until(what, check) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
        const value = await check();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

//  Pages are opened again when their process is, so the port must be known beforehand.
export async function free_port() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const {port} = server.address();
    server.close();
    await once(server, "close");
    return port;
}

//  The rows that a statement gives, in a database that is in use.
export async function sql(db, statement) {
    const {stdout} = await run("sqlite3", ["-cmd", ".timeout 10000", "-json", db, statement]);
    return stdout ? JSON.parse(stdout) : [];
}

//  ----------------------------------------------------------------------------- processes

//  An agent or a server with its page; settings as {section: {key: value}}.
export class Process {
    constructor(dir, role, name, settings) {
        Object.assign(this, {dir, role, name, run_dir: join(dir, `${name}.run`), db: join(dir, `${name}.db`)});
        this.settings = {
            process: {run_dir: this.run_dir}, ...settings, [role]: {...settings[role]},
        };
        this.settings[role].db ??= this.db;
        this.said = "";
    }

    async start() {
        this.port ??= await free_port();
        this.url = `http://127.0.0.1:${this.port}/`;
        this.settings.monitor = {...this.settings.monitor, listen: `127.0.0.1:${this.port}`};
        const config = join(this.dir, `${this.name}.conf`);
        await writeFile(config, Object.entries(this.settings).map(([section, keys]) =>
            `${section}\n` + Object.entries(keys).map(([key, value]) => `    ${key} = "${value}"\n`).join("")).join(""));
        const bound = ["--pdeathsig", "KILL", PROGRAM]; // it does not outlive the test
        this.child = spawn("setpriv", [...bound, this.role, "--config", config], {stdio: ["ignore", "pipe", "pipe"]});
        this.child.stderr.on("data", text => this.said += text);
        this.ended = once(this.child, "exit");
        const ready = await Promise.race([once(this.child.stdout, "data"), this.ended.then(() => null)]);
        if (!ready) throw new Error(`${this.name} did not start: ${this.said}`);
        this.ready = String(ready[0]).trim();
    }

    async stop(signal = "SIGTERM") {
        this.child.kill(signal);
        await this.ended;
    }

    //  A verb of the program; gives what it prints.
    async verb(...words) {
        const {stdout} = await run(PROGRAM, [...words, "--run-dir", this.run_dir]);
        return stdout;
    }

    //  Records so many changes, each in a transaction of its own.
    async flood(table, many, data) {
        const file = join(this.dir, "flood");
        await writeFile(file, Array.from({length: many}, (_, i) => `${JSON.stringify({changes: [
            {table, operation: "upsert", id: `flood-${i}`, data}]})}\n`).join(""));
        await this.verb("apply", file);
    }

    async status() {
        return JSON.parse(await this.verb("status", "--json"));
    }

    change = async id => (await sql(this.db, `SELECT * FROM local_changes WHERE id = '${id}'`))[0];
}

//  --------------------------------------------------------------------------------- world

//  A server that forbids a word.
const NOTES = `
CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, body TEXT);
CREATE TRIGGER IF NOT EXISTS no_swearing BEFORE INSERT ON notes WHEN NEW.title LIKE '%damn%'
BEGIN SELECT RAISE(ABORT, 'mind your language'); END;
CREATE TRIGGER IF NOT EXISTS no_cursing BEFORE UPDATE ON notes WHEN NEW.title LIKE '%damn%'
BEGIN SELECT RAISE(ABORT, 'mind your language'); END;`;

export class World {
    async start(schema = NOTES) {
        this.dir = await mkdtemp(join(tmpdir(), "waybill-browser."));
        await writeFile(join(this.dir, "schema.sql"), schema);
        this.server = new Process(this.dir, "server", "server",
            {server: {schema: join(this.dir, "schema.sql"), listen: "127.0.0.1:0"}});
        await this.server.start();
        this.address = this.server.ready.split(" ").pop();
        this.agent = this.new_agent("agent", {retry: {attempts: 1}, tap: {inject: "true"}});
        await this.agent.start();
        await this.agent.verb("status", "--wait", "synced");
        this.browser = await chromium.launch({
            executablePath: "/usr/bin/chromium", args: process.getuid() === 0 ? ["--no-sandbox"] : [],
        });
    }

    new_agent(name, settings = {}) {
        return new Process(this.dir, "agent", name,
            {agent: {server: `ws://${this.address}/api/sync`}, ...settings});
    }

    async stop() {
        await this.browser?.close();
        for (const process of [this.agent, this.server])
            if (process?.child && process.child.exitCode === null) await process.stop();
        await rm(this.dir, {recursive: true, force: true});
    }

    //  A page that is live. What the browser complains of fails the test: see quiet().
    async open(process, options = {}) {
        const context = await this.browser.newContext({viewport: {width: 1200, height: 900}, ...options});
        const page = await context.newPage();
        page.complaints = [];
        page.on("pageerror", error => page.complaints.push(error.message));
        page.on("console", line => line.type() === "error" && page.complaints.push(line.text()));
        page.on("dialog", dialog => page.complaints.push(dialog.message()));
        page.on("request", request => page.complaints.push(...strangers(request.url(), process.port)));
        page.setDefaultTimeout(PATIENCE_MS);
        await page.goto(process.url);
        return page;
    }
}

function strangers(url, port) {
    return new URL(url).host === `127.0.0.1:${port}` ? [] : [`asks ${url}`];
}

//  A test with a page of its own, which must not complain.
export function with_page(world, process_of, options, body) {
    return async () => {
        const page = await world.open(process_of(world), options);
        try {
            await page.getByText("Live", {exact: true}).waitFor();
            await body(page);
        if (page.complaints.length) throw new Error(page.complaints.join("\n"));
        } finally {
            await page.context().close();
        }
    };
}
