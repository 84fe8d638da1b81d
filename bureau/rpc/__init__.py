"""gRPC's edge: nothing inside knows that there is a network."""
