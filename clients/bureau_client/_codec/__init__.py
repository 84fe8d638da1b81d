"""Conversion between the SDK's values and the contract's messages."""
