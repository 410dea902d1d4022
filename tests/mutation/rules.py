"""The numbered rules of the protocol that the domain holds (3 to 13, 14.2, 14.4, 15, 18, 19.4), and where: `rules.txt`.
And what is said of mutants that no test can kill: `survivors.txt`.

A line a rule: its number, what it says in a few words, the functions that hold it, without `domain.`. Parts of a
numbered section that have no number of their own, such as a row of a table, follow it with a letter.
"""

from dataclasses import dataclass
from pathlib import Path

RULES = Path(__file__).with_name("rules.txt")
SURVIVORS = Path(__file__).with_name("survivors.txt")


@dataclass(frozen=True)
class Rule:
    """A numbered rule and where it is."""

    number: str
    says: str
    functions: tuple[str, ...]
    """module and function, parted by a dot"""


def rules() -> list[Rule]:
    """Every rule, in the order of the protocol."""
    found: list[Rule] = []
    for row in RULES.read_text("utf-8").splitlines():
        number, says, functions = (cell.strip() for cell in row.split("|"))
        found.append(Rule(number, says, tuple(f"domain.{name}" for name in functions.split())))
    return found


def explained() -> dict[str, str]:
    """Key of a survivor to what is said of it: blocks of a line with the key and the reason below it."""
    found: dict[str, str] = {}
    for block in SURVIVORS.read_text("utf-8").split("\n\n"):
        key, _, text = block.strip().partition("\n")
        if key:
            found[key] = " ".join(text.split())
    return found
