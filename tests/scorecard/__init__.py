"""The reference scorecard: trained on a synthetic population that passes through a real bureau.

`panel.py` sends a population of creforge month by month through a bureau at past dates, and reads
reports as of several month-ends; `candidates.py` declares the attributes that a scorecard may
use, `binning.py` and `training.py` make points of them, `validation.py` the figures out of time,
`card.py` the tables of the model card, `docs/scorecard.md`. `python -m tests.scorecard` does all
of it, `--write` puts the scorecard into the SDK and the figures into `results.json` and the card.
"""
