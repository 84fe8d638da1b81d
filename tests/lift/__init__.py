"""The lift of an early warning: the score of now against the score at opening, on a synthetic
population that passes through a real bureau.

`measure.py` reads reports every few months and measures the reference scorecard on them, `page.py`
makes the tables of `docs/backtests.md`. `python -m tests.lift` does both, `--write` puts the
figures into `results.json` and the page.
"""
