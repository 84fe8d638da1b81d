"""Journeys: the use cases of members, subjects and the operator, in numbered steps.

Each journey verifies the signed statement, then runs one unit of work in the ledger.
"""
