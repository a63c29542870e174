#!/usr/bin/python3
"""A program in another language as an actor of a real agent: external_test.py WAYBILL PROGRAM [ARG..]

The program is one of examples/external: it is asked, killed, and has the agent restarted under it.
"""
import contextlib
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "../../examples/external"))
from actor import Actor  # noqa: E402: the example asks, too

PATIENCE_S = 60
BOUND = ["setpriv", "--pdeathsig", "KILL"]  # nobody outlives a test that is killed
waybill, program = None, None


class External(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="external.")
        self.processes = []
        schema = f"{self.dir}/schema.sql"
        pathlib.Path(schema).write_text(
            "CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);")
        server = self.start([waybill, "server", "--db", f"{self.dir}/server.db", "--schema", schema,
                             "--listen", "127.0.0.1:0", "--run-dir", f"{self.dir}/server"])
        self.url = f"ws://{self.ready_line(server).split()[-1]}/api/sync"
        self.agent = self.start_agent()
        subprocess.run([*BOUND, waybill, "status", "--wait", "synced", "--run-dir", f"{self.dir}/run"],
                       check=True, stdout=subprocess.DEVNULL)
        self.worker = self.start_worker()
        self.settled = []
        self.asker = Actor(f"{self.dir}/run", "asker", hears={
            "note_settled": lambda event, body: self.settled.append((event.sender, body))})
        self.answers = []

    def tearDown(self):
        self.asker.dealer.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            process.stdout.close()
        shutil.rmtree(self.dir)

    # ---------------------------------------------------------------------- the world

    def start(self, command):
        with open(f"{self.dir}/log", "a") as log:
            process = subprocess.Popen([*BOUND, *command], stdout=subprocess.PIPE, stderr=log, text=True)
        self.processes.append(process)
        return process

    def ready_line(self, process):
        line = process.stdout.readline()
        if not line:
            self.fail(pathlib.Path(f"{self.dir}/log").read_text())
        return line

    def start_agent(self):
        agent = self.start([waybill, "agent", "--db", f"{self.dir}/agent.db", "--server", self.url,
                            "--run-dir", f"{self.dir}/run"])
        self.ready_line(agent)
        return agent

    def start_worker(self):
        return self.start(program + [f"{self.dir}/run", "worker"])

    def kill(self, process):
        process.kill()
        process.wait()

    # ------------------------------------------------------------------------- asking

    def ask(self, title):
        self.asker.ask("ipc/worker", "note_add", {"title": title},
                       lambda ok, body: self.answers.append((ok, body)))

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"{self.answers[-3:]}\n" + pathlib.Path(f"{self.dir}/log").read_text())
            self.asker.step(0.1)

    def is_answered(self, title):
        """Asks until somebody serves."""
        self.answers.clear()
        self.ask(title)
        self.until(lambda: self.answers)
        return self.answers[0][0]

    def rows(self, title):
        with contextlib.closing(sqlite3.connect(f"{self.dir}/agent.db")) as db:
            return db.execute("SELECT count(*) FROM notes WHERE title = ?", [title]).fetchone()[0]

    # -------------------------------------------------------------------------- tests

    def test_records_a_change_for_who_asks_and_tells_what_becomes_of_it(self):
        self.until(lambda: self.is_answered("tea"))
        self.assertEqual(self.rows("tea"), 1)
        note = self.answers[0][1]["id"]
        told = ("ipc/worker", {"id": note, "result": "applied"})
        self.until(lambda: told in self.settled)

    def test_killed_in_the_middle_it_does_all_of_it_once(self):
        self.until(lambda: self.is_answered("first"))
        self.answers.clear()
        self.worker.send_signal(signal.SIGSTOP)
        for _ in range(20):
            self.ask("again")
        alive = []
        self.asker.ask("service", "status_get", {}, lambda ok, body: alive.append(ok))
        self.until(lambda: alive)  # the agent has handed them to a process that stands still
        self.kill(self.worker)
        self.worker = self.start_worker()
        self.until(lambda: len(self.answers) == 20)
        for _ in range(20):
            self.ask("again")
        self.until(lambda: len(self.answers) > 20)
        self.kill(self.worker)
        self.worker = self.start_worker()
        self.until(lambda: len(self.answers) == 40)
        self.assertTrue(all(ok for ok, _ in self.answers), self.answers)
        self.assertEqual(self.rows("again"), 40)

    def test_goes_on_when_the_agent_is_started_anew(self):
        self.until(lambda: self.is_answered("before"))
        self.agent.terminate()
        self.agent.wait()
        self.agent = self.start_agent()
        self.until(lambda: self.is_answered("after"))
        self.kill(self.agent)
        self.agent = self.start_agent()
        self.until(lambda: self.is_answered("at last"))
        self.assertEqual(self.rows("at last"), 1)
        self.assertIsNone(self.worker.poll())

    def test_is_short_enough_to_be_read(self):
        with open(program[-1]) as source:
            self.assertLess(len(source.readlines()), 200)


if __name__ == "__main__":
    waybill, program = sys.argv[1], sys.argv[2:]
    unittest.main(argv=sys.argv[:1], verbosity=2)
