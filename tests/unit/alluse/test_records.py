"""Commands as they are typed, records as they are shown."""

from __future__ import annotations

import pytest

from alluse.records import build, command_class, command_names, kebab, shown
from domain.commands import CommandHeader, EngageKillSwitch, ImportBook, ProposeConfigurationChange, RecordFee
from infra.errors import RequestError
from schemas.records import to_plain

HEADER = CommandHeader("c1", "S001", 1_301_000_000_000_000, 0, "USER", "owner", "OWNER", "c1")


def test_names_in_both_spellings() -> None:
    assert command_class("record-fee") is RecordFee
    assert command_class("RecordFee") is RecordFee
    assert all(command_class(kebab(name)) is command_class(name) for name in command_names())


def test_money_is_typed_in_dollars() -> None:
    fee = build(RecordFee, {"account_id": "S001-GEN-001", "amount": "1,250.5", "symbol": "data"}, HEADER)
    assert fee.amount == 125_050


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"account_id": "A", "amount": "12.505", "symbol": ""}, "at most 2 decimal places"),
        ({"account_id": "A", "amount": "twelve", "symbol": ""}, "expected an amount"),
        ({"account_id": "A", "amount": "1"}, "symbol is missing"),
        ({"account_id": "A", "amount": "1", "symbol": "", "note": "x"}, "has no field note"),
    ],
)
def test_bad_values_name_the_field(values: dict[str, str], says: str) -> None:
    with pytest.raises(RequestError) as raised:
        build(RecordFee, values, HEADER)
    assert raised.value.code == "BAD_VALUE"
    assert says in raised.value.message


def test_optional_fields_and_maps() -> None:
    assert build(EngageKillSwitch, {"reason": "x"}, HEADER).account_id is None
    change = build(ProposeConfigurationChange, {"scope": "SYSTEM", "changes": {"gen.tickers": ["A", "B"]}}, HEADER)
    assert change.changes == {"gen.tickers": "A,B"}


def test_nested_records_from_a_file() -> None:
    # given a book to be taken over, as YAML without types would give it
    account = {
        "account_id": "S002-GEN-001",
        "type": "GEN",
        "role": "ROOT",
        "fork_depth": "0",
        "inception": "2011-03-01",
        "cash": "1000.00",
        "cash_unsettled": "0",
        "tax_reserve": "0",
        "base_capital": "1000",
        "sizing_base": "1000",
        "lots": [
            {
                "lot_id": "L1",
                "contract": "AAPL",
                "quantity": "100",
                "acquired": "2011-02-01",
                "basis": "34000.00",
                "price_e4": "340",
                "chain_net": "-12.34",
            }
        ],
    }
    values = {"owner_subject_id": "o", "broker_account": "DU1", "source": "file", "accounts": [account]}
    # when the command is built
    book: ImportBook = build(ImportBook, values, HEADER)
    # then money, prices and days have their scales
    taken = book.accounts[0]
    assert (taken.cash, taken.inception, taken.options, taken.parent_account_id) == (100_000, 15_034, [], None)
    assert (taken.lots[0].price_e4, taken.lots[0].chain_net, taken.lots[0].basis) == (3_400_000, -1_234, 3_400_000)


def test_shown_with_units() -> None:
    fee = build(RecordFee, {"account_id": "S001-GEN-001", "amount": "12.50", "symbol": "data"}, HEADER)
    document = shown("RecordFee", to_plain(fee))
    assert document["amount"] == "12.50"
    assert document["header"]["time"] == "2011-03-24T20:53:20Z"
    assert document["header"]["valid_until"] is None
