"""The harness: a consortium's bureau on one machine, broken on purpose and audited.

A run, as `run.py` reads:

1. `topology/` raises the bureau: PostgreSQL with its synchronous standby, nodes, the
   directory, witnesses, and a proxy on every link between them.
2. `workers/` are lenders, wallets, watchers and a hostile member, each a process of its
   own that drives the SDK and writes down what it did: its history.
3. `schedule.py` turns a seed into faults at their times; `nemesis.py` carries them out,
   from `faults/`, and writes them on the time line.
4. Everything heals; the workers settle what was left unknown.
5. `auditor/` collects what every node says now, and holds it against the histories: a
   list of checks, each a promise, each tested by seeding its violation.
6. `report/` tells: the live view, the page, the verdict for machines.

All that a run leaves lies in one folder: `history-<worker>.jsonl`, `timeline.jsonl`, logs
of every process, `verdict.json`, `report.html`, and the command that repeats it.
"""
