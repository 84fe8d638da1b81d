"""Pages for a member's engineer and for the operator: what a node did, and what waits."""
