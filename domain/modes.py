"""Trading mode of an account (protocol 3.4): a set of restrictions, the most severe one counts."""

from collections.abc import Iterable

from domain.state import Account

SEVERITY = ("NORMAL", "CC_ONLY", "NO_NEW_ENTRIES", "PRESERVATION")


def most_severe(modes: Iterable[str]) -> str:
    """NORMAL < CC_ONLY < NO_NEW_ENTRIES < PRESERVATION."""
    return max(modes, key=SEVERITY.index, default="NORMAL")


def effective_mode(account: Account) -> str:
    """The mode that the account's restrictions add up to."""
    return most_severe(account.restrictions.values())


def permits(account: Account, right: str) -> bool:
    """Whether the mode allows a new short put (P) or covered call (C)."""
    return mode_permits(effective_mode(account), right)


def mode_permits(mode: str, right: str) -> bool:
    """Whether a mode allows a new short put (P) or covered call (C)."""
    return mode == "NORMAL" or (mode == "CC_ONLY" and right == "C")
