"""Between the SDK's values and the contract's messages."""
