"""The ledger: the commit queue and the log that orders what it commits."""
