"""The mutants of `domain/` are what they say, and every numbered rule names functions that exist."""

import ast

import pytest

from tests.mutation.hook import probed
from tests.mutation.rules import rules
from tests.mutation.sites import chosen, modules, mutants, mutated, source_of, statements
from tests.mutation.workers import functions


def defined() -> set[str]:
    """Every function and method of the domain, by module and name."""
    found: set[str] = set()
    for module in modules():
        for node in ast.parse(source_of(module).read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.add(f"{module}.{node.name}")
            elif isinstance(node, ast.ClassDef):
                found |= {f"{module}.{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def test_every_rule_names_functions_that_exist() -> None:
    known = defined()
    for rule in rules():
        assert rule.functions, rule
        assert not [name for name in rule.functions if name not in known], rule


def test_every_section_check_and_invariant_is_there() -> None:
    numbers = {rule.number for rule in rules()}
    heads = {number.rstrip("abcdefghij") for number in numbers}
    sections = [
        *(f"3.{n}" for n in range(1, 6)), *(f"4.{n}" for n in range(1, 5)), "5.1", "5.2", "5.3", "5.5",
        *(f"6.{n}" for n in (1, 3, 4, 5, 6, 7)), *(f"6.2.{n}" for n in range(1, 9)), *(f"7.{n}" for n in range(1, 6)),
        *(f"8.{n}" for n in range(1, 5)), "9", *(f"10.{n}" for n in range(1, 6)), *(f"11.{n}" for n in range(1, 6)),
        "12.1", "12.2", "12.3", "12.5", "13.1", "13.2", "13.3", "14.2", "14.4", "15.1", "15.2", "18",
    ]  # fmt: skip
    assert not [section for section in sections if section not in heads]
    assert not [n for n in range(1, 20) if f"PT-{n:02d}" not in numbers]
    # the hash chain (15) is held by the journal, not by the domain
    assert not [n for n in range(1, 19) if f"INV-{n}" not in numbers and n != 15]


@pytest.mark.parametrize("module", ["domain.money", "domain.week_types", "domain.reasons", "domain.risk.stop_loss"])
def test_a_mutant_is_one_change_and_still_a_program(module: str) -> None:
    # given every mutant of a module, each with a key of its own
    plain = ast.unparse(ast.parse(source_of(module).read_text("utf-8")))
    found = mutants(module)
    assert len({one.key for one in found}) == len(found) > 20
    # then each differs from the module, and compiles
    for one in found[::5]:
        changed = mutated(module, one)
        assert ast.unparse(changed) != plain, one.key
        compile(changed, module, "exec")


def test_the_drawing_hangs_on_the_seed_and_the_key_alone() -> None:
    found = mutants("domain.money")
    drawn = chosen(found, 1, 10)
    assert [one.key for one in drawn] == [one.key for one in chosen(found[::-1], 1, 10)]
    assert [one.key for one in drawn] != [one.key for one in chosen(found, 2, 10)]
    rest = [one for one in found if one.key != found[-1].key]
    assert len({one.key for one in drawn} & {one.key for one in chosen(rest, 1, 10)}) >= 9


def test_probes_leave_a_module_as_it_was() -> None:
    for module in ("domain.money", "domain.quarters", "domain.tax_formula"):
        tree, count = probed(module, 5)
        probes = bytearray(5 + count)
        assert count == len(statements(ast.parse(source_of(module).read_text("utf-8"))))
        exec(compile(tree, str(source_of(module)), "exec"), {"__probe__": probes, "__name__": module})
        assert not any(probes[:5])
        assert any(probes[5:])


def test_an_exchange_finds_every_function_of_a_module() -> None:
    text = "def f(): return 1\nclass C:\n    def g(self): return [x for x in ()]\n    x = 1\n"
    assert [name for name, _ in functions(compile(text, "t", "exec"))] == ["f:1", "C.g:3"]
