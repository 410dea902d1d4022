"""The monitor: what only watches (architecture.md, "Watchdogs propose, the book disposes").

It follows what the books have condensed, tells people of alerts, and proposes alerts of its own by command. Its rules
are pure (`book.py` and what it is made of: state in, decisions out, time from the records); `app.py` is the Faust shell
around them, at-least-once: after a crash something may be told twice, nothing is lost. No money moves by it.
"""
