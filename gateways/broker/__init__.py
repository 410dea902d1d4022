"""Brokers: the port of protocol 12.4 and its adapters. `paper` is the simulated broker, the first of them."""
