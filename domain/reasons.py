"""The one catalogue of reason codes: each refusal, skip and rejection has one; docs/reason-codes.md is made of it."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason code; its value is what stands on the log, `MEANING` what it says."""

    # entry procedure, in the order of its steps (protocol 6.2)
    ACCOUNT_STATE = "ACCOUNT_STATE"
    TRADING_MODE = "TRADING_MODE"
    RECONCILIATION = "RECONCILIATION"
    BROKER_DOWN = "BROKER_DOWN"
    BREAKER = "BREAKER"
    NOT_PERMITTED = "NOT_PERMITTED"
    EARNINGS = "EARNINGS"
    VOLATILITY = "VOLATILITY"
    NO_ELIGIBLE_EXPIRY = "NO_ELIGIBLE_EXPIRY"
    NO_CHAIN = "NO_CHAIN"
    STALE_QUOTE = "STALE_QUOTE"
    NO_ELIGIBLE_STRIKE = "NO_ELIGIBLE_STRIKE"
    CC_FLOOR_UNMET = "CC_FLOOR_UNMET"
    PREMIUM_BELOW_MIN = "PREMIUM_BELOW_MIN"
    INSUFFICIENT_CAPITAL = "INSUFFICIENT_CAPITAL"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    UNFILLED = "UNFILLED"
    # pre-trade checks (protocol 12.2)
    PT_01 = "PT-01"
    PT_02 = "PT-02"
    PT_03 = "PT-03"
    PT_04 = "PT-04"
    PT_05 = "PT-05"
    PT_06 = "PT-06"
    PT_07 = "PT-07"
    PT_08 = "PT-08"
    PT_09 = "PT-09"
    PT_10 = "PT-10"
    PT_11 = "PT-11"
    PT_12 = "PT-12"
    PT_13 = "PT-13"
    PT_14 = "PT-14"
    PT_15 = "PT-15"
    PT_16 = "PT-16"
    PT_17 = "PT-17"
    PT_18 = "PT-18"
    PT_19 = "PT-19"
    # commands (protocol 3.3, 15.2, 18, 19.1)
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    EXPIRED_COMMAND = "EXPIRED_COMMAND"
    UNKNOWN_BOOK = "UNKNOWN_BOOK"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    UNKNOWN_APPROVAL = "UNKNOWN_APPROVAL"
    UNKNOWN_PARAMETER = "UNKNOWN_PARAMETER"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_CONFIGURATION = "INVALID_CONFIGURATION"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    SELF_APPROVAL = "SELF_APPROVAL"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    TOO_LATE = "TOO_LATE"
    UNKNOWN_RESTRICTION = "UNKNOWN_RESTRICTION"
    NOT_ENGAGED = "NOT_ENGAGED"
    NO_CALENDAR = "NO_CALENDAR"
    NOT_PARKED = "NOT_PARKED"
    NOT_APPROVED = "NOT_APPROVED"
    # why a working order was cancelled (protocol 6.6, 9, 12.1)
    WORK_END = "WORK_END"
    USER = "USER"
    KILL_SWITCH = "KILL_SWITCH"
    SUSPENDED = "SUSPENDED"
    PRESERVATION = "PRESERVATION"
    POSITION_GONE = "POSITION_GONE"
    CANCEL_LOST = "CANCEL_LOST"
    # how a request ended without an answer (protocol 3.4, 6.3, 15.2)
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    RESTRICTED = "RESTRICTED"
    # restrictions that a rule sets (protocol 3.4); those of people begin with MANUAL:
    BUFFER = "BUFFER"
    RECON = "RECON"
    # rolls (protocol 7.3)
    ROLLS_NOT_BUILT = "ROLLS_NOT_BUILT"


MEANING: dict[Reason, tuple[str, str]] = {
    Reason.ACCOUNT_STATE: ("6.2", "the account is not ACTIVE"),
    Reason.TRADING_MODE: ("3.4", "a restriction of the account forbids this entry"),
    Reason.RECONCILIATION: ("6.2", "the last clean reconciliation is missing, broken or 24 h old"),
    Reason.BROKER_DOWN: ("6.2", "the broker's session is not up"),
    Reason.BREAKER: ("9", "a circuit breaker or the kill switch stops entries"),
    Reason.NOT_PERMITTED: ("6.2", "the ticker is not permitted or is on the blacklist"),
    Reason.EARNINGS: ("6.2", "earnings are announced between now and the expiry"),
    Reason.VOLATILITY: ("6.2", "ATR/price is above its own 95th percentile over 252 sessions"),
    Reason.NO_ELIGIBLE_EXPIRY: ("6.2", "the expiry rule finds no expiry in range"),
    Reason.NO_CHAIN: ("5.5", "no option of the expiry and right has a quote"),
    Reason.STALE_QUOTE: ("5.5", "the quotes are older than data.stale_s"),
    Reason.NO_ELIGIBLE_STRIKE: ("6.2", "no strike passes delta band, open interest, volume and spread"),
    Reason.CC_FLOOR_UNMET: ("6.7", "no call strike meets the floor of the shares' acquisition price"),
    Reason.PREMIUM_BELOW_MIN: ("6.2", "the premium stays below the gate and no approval stands for it"),
    Reason.INSUFFICIENT_CAPITAL: ("6.5", "the capital does not carry one contract"),
    Reason.ORDER_UNKNOWN: ("12.1", "an order on the contract is in state UNKNOWN until the broker answers"),
    Reason.UNFILLED: ("6.6", "the order was not filled by the end of its working time"),
    Reason.PT_01: ("12.2", "the kill switch is on"),
    Reason.PT_02: ("12.2", "account state or trading mode forbids the order"),
    Reason.PT_03: ("12.2", "the environment and the brokerage account do not match"),
    Reason.PT_04: ("12.2", "instrument not permitted, not standard, halted or blacklisted"),
    Reason.PT_05: ("12.2", "outside the session or the order window"),
    Reason.PT_06: ("12.2", "no quote, or a quote older than data.stale_s"),
    Reason.PT_07: ("12.2", "liquidity below the minimum"),
    Reason.PT_08: ("12.2", "delta, DTE or premium outside the strategy's rules"),
    Reason.PT_09: ("12.2", "collateral or buffer would not be covered after the trade"),
    Reason.PT_10: ("12.2", "a short call would not be covered by shares"),
    Reason.PT_11: ("12.2", "order, ticker or day cap exceeded"),
    Reason.PT_12: ("12.2", "position limit exceeded"),
    Reason.PT_13: ("12.2", "protocol level or breaker restriction"),
    Reason.PT_14: ("12.2", "day-trade or intraday-margin rule"),
    Reason.PT_15: ("12.2", "would cross a working order of the same owner"),
    Reason.PT_16: ("12.2", "wash-sale warning (does not block)"),
    Reason.PT_17: ("12.2", "limit outside the price collar"),
    Reason.PT_18: ("12.2", "duplicate of an order of the last 5 s"),
    Reason.PT_19: ("12.2", "a required approval is missing"),
    Reason.ILLEGAL_TRANSITION: ("3.3", "the account's state does not allow this"),
    Reason.IDEMPOTENCY_CONFLICT: ("19.1", "the same command id was used with another body"),
    Reason.EXPIRED_COMMAND: ("19.1", "the command arrived at or after its valid_until"),
    Reason.UNKNOWN_BOOK: ("19.1", "there is no such book; create it with CreateSystem or ImportBook"),
    Reason.UNKNOWN_ACCOUNT: ("19.1", "the book has no such account"),
    Reason.UNKNOWN_ORDER: ("19.1", "the book has no such order"),
    Reason.UNKNOWN_APPROVAL: ("15.2", "no such approval is pending"),
    Reason.UNKNOWN_PARAMETER: ("18", "the catalogue has no such parameter"),
    Reason.INVALID_VALUE: ("18", "the value has the wrong form or is out of range"),
    Reason.INVALID_CONFIGURATION: ("18", "the set contradicts itself and is refused as a whole"),
    Reason.NOT_CANCELLABLE: ("12.1", "the order is already in a terminal state"),
    Reason.NOT_ELIGIBLE: ("15.2", "the person's role may not decide this"),
    Reason.SELF_APPROVAL: ("15.2", "nobody approves an own request; two approvals need two people"),
    Reason.ALREADY_DECIDED: ("15.2", "the request has been decided"),
    Reason.TOO_LATE: ("15.2", "the request has expired"),
    Reason.UNKNOWN_RESTRICTION: ("3.4", "the account has no such restriction set by a person"),
    Reason.NOT_ENGAGED: ("9", "the kill switch is not engaged there"),
    Reason.NO_CALENDAR: ("2.2", "no session calendar has arrived on the log yet"),
    Reason.NOT_PARKED: ("19.1", "the book is not parked"),
    Reason.NOT_APPROVED: ("18", "the change was denied or lapsed without the approvals that it needs"),
    Reason.WORK_END: ("6.6", "the order's working time is over"),
    Reason.USER: ("12.1", "a person cancelled the order"),
    Reason.KILL_SWITCH: ("9", "the kill switch cancels working orders"),
    Reason.SUSPENDED: ("3.3", "the account was suspended: it opens nothing"),
    Reason.PRESERVATION: ("3.4", "the mode PRESERVATION cancels opening orders"),
    Reason.POSITION_GONE: ("7.4", "the position that the order would close was assigned or has expired"),
    Reason.CANCEL_LOST: ("12.1", "the broker never answered a cancel and shows the order as working"),
    Reason.EXPIRED: ("15.2", "nobody answered the request in time: its default acts"),
    Reason.WITHDRAWN: ("6.3", "the request became pointless"),
    Reason.RESTRICTED: ("3.4", "a restriction forbids the entry that the request was for"),
    Reason.BUFFER: ("4.1", "free cash is below the buffer"),
    Reason.RECON: ("12.5", "quantities or cash differ from the broker's"),
    Reason.ROLLS_NOT_BUILT: ("7.3", "rolls are not part of this version: assignment is accepted instead"),
}
