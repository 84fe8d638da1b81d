"""The main job from nothing to verdict: `make demo`."""
