"""Risk: protocol levels, their scripts and actions, breakers (protocol 8, 9)."""
