"""`python -m bureau`: the operator's command line."""

from bureau.cli import main

main()
