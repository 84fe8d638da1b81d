"""The journeys: what a member, a person or the operator asks for, in numbered steps.

Each verifies what was signed, then runs one unit of work in the ledger.
"""
