"""The founding scenario: one line frozen while another lends, first without a shared bureau,
then with it. `make demo SCENARIO=frozen-line`.

`story.py` has the parties and the amounts of both acts, `today.py` the first act, `shared.py` the
second, through a real bureau. `timeline.py` is what happened, `texts.toml` its words in both
languages; `terminal.py` and `page.py` show it.
"""
