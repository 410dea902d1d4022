"""How people are told: a port with adapters for e-mail, webhooks and the process's own log (protocol 15.1)."""
