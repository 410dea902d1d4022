"""Why a broker refuses: the one catalogue of codes that stand in `BrokerOrderStatus.code`."""

from enum import StrEnum


class Refusal(StrEnum):
    """A code of the simulated broker; `MEANING` says what it means and what to do."""

    ACCOUNT_NOT_LINKED = "ACCOUNT_NOT_LINKED"
    PAPER_ACCOUNT_REQUIRED = "PAPER_ACCOUNT_REQUIRED"
    SESSION_DOWN = "SESSION_DOWN"
    AFTER_HOURS = "AFTER_HOURS"
    UNKNOWN_CONTRACT = "UNKNOWN_CONTRACT"
    EXPIRED_CONTRACT = "EXPIRED_CONTRACT"
    BAD_ORDER = "BAD_ORDER"
    BAD_TICK = "BAD_TICK"
    INSUFFICIENT_BUYING_POWER = "INSUFFICIENT_BUYING_POWER"
    NAKED_CALL = "NAKED_CALL"
    NO_POSITION = "NO_POSITION"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    ORDER_FILLED = "ORDER_FILLED"
    ORDER_CLOSED = "ORDER_CLOSED"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    DAY_ORDER = "DAY_ORDER"
    NO_STATEMENT = "NO_STATEMENT"


MEANING: dict[Refusal, str] = {
    Refusal.ACCOUNT_NOT_LINKED: "the book has no brokerage account here; link it first",
    Refusal.PAPER_ACCOUNT_REQUIRED: "the simulated broker takes paper accounts only: ids that begin with DU (12.4)",
    Refusal.SESSION_DOWN: "the session with the broker is down; connect and reconcile first",
    Refusal.AFTER_HOURS: "orders are taken between open and close of a session only",
    Refusal.UNKNOWN_CONTRACT: "neither an OCC symbol of a standard option nor a listed ticker",
    Refusal.EXPIRED_CONTRACT: "the option's last session is over",
    Refusal.BAD_ORDER: "quantity, side, effect, time in force, version or combination is none that the broker takes",
    Refusal.BAD_TICK: "the limit is not a positive multiple of the listed tick, a net not one of 0.01 (protocol 2.7)",
    Refusal.INSUFFICIENT_BUYING_POWER: "free cash does not cover the short puts or pay the purchase",
    Refusal.NAKED_CALL: "the shares would not cover all short calls",
    Refusal.NO_POSITION: "a closing order for more than the account holds",
    Refusal.DUPLICATE_ORDER: "an order of this id has been here and is finished; nothing was placed",
    Refusal.ORDER_FILLED: "the order is filled",
    Refusal.ORDER_CLOSED: "the order is cancelled, expired or rejected",
    Refusal.UNKNOWN_ORDER: "the broker does not have the order",
    Refusal.DAY_ORDER: "a day order ends at the close",
    Refusal.NO_STATEMENT: "there is no statement of that day",
}
