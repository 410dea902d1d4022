"""The one catalogue of reason codes: each refusal, skip and rejection has one; docs/reason-codes.md is made of it."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason code; its value is what stands on the log, `MEANING` what it says."""

    def __repr__(self) -> str:
        """As the plain text that a snapshot brings back: what a message shows may not depend on a restart."""
        return repr(self.value)

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
    CONTROLS = "CONTROLS"
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
    MERGE = "MERGE"
    CLOSING = "CLOSING"
    # how a request ended without an answer (protocol 3.4, 6.3, 15.2)
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    RESTRICTED = "RESTRICTED"
    # restrictions that a rule sets (protocol 3.4); those of people begin with MANUAL:
    BUFFER = "BUFFER"
    RECON = "RECON"
    DATA = "DATA"
    L2 = "L2"
    L3 = "L3"
    CONSECUTIVE_LOSSES = "CONSECUTIVE_LOSSES"
    DAILY_DRAWDOWN = "DAILY_DRAWDOWN"
    SIMULTANEOUS_BREACHES = "SIMULTANEOUS_BREACHES"
    ACCOUNT_DRAWDOWN = "ACCOUNT_DRAWDOWN"
    VIX_SAFE = "VIX_SAFE"
    # rolls (protocol 7.3)
    UNECONOMIC = "UNECONOMIC"
    MAX_ROLLS = "MAX_ROLLS"
    # scripts and exits (protocol 8.3)
    STOP_LOSS = "STOP_LOSS"
    HIGHER_LEVEL = "HIGHER_LEVEL"
    LEVEL_LEFT = "LEVEL_LEFT"
    LEVEL = "LEVEL"
    HALTED = "HALTED"
    # lifecycle (protocol 10)
    TOO_EARLY = "TOO_EARLY"
    EXCEEDS_LIMIT = "EXCEEDS_LIMIT"
    WITHDRAWAL_FORBIDDEN = "WITHDRAWAL_FORBIDDEN"
    NOT_ACTIVE = "NOT_ACTIVE"
    MODE = "MODE"
    BREAK = "BREAK"
    COOLDOWN = "COOLDOWN"
    DEPTH = "DEPTH"
    FREE_CASH = "FREE_CASH"
    NO_GAINS = "NO_GAINS"
    POSTPONED_TOO_LONG = "POSTPONED_TOO_LONG"
    # instructions of STAR-LAB (protocol 13)
    VALIDATION_FAILED = "VALIDATION_FAILED"
    SCHEME_MISMATCH = "SCHEME_MISMATCH"
    NOT_COVERED = "NOT_COVERED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    RISK_REJECTED = "RISK_REJECTED"
    TRADING_HALTED = "TRADING_HALTED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"


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
    Reason.CONTROLS: ("16.3", "the daily test of the market-access controls has failed: no trading today"),
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
    Reason.MERGE: ("10.3", "a merge makes the account flat"),
    Reason.CLOSING: ("3.3", "the account is being closed"),
    Reason.EXPIRED: ("15.2", "nobody answered the request in time: its default acts"),
    Reason.WITHDRAWN: ("6.3", "the request became pointless"),
    Reason.RESTRICTED: ("3.4", "a restriction forbids the entry that the request was for"),
    Reason.BUFFER: ("4.1", "free cash is below the buffer"),
    Reason.RECON: ("12.5", "quantities or cash differ from the broker's"),
    Reason.DATA: ("8.4", "prices of a watched position have stopped coming"),
    Reason.L2: ("8.1", "a position is at protocol level 2 or above"),
    Reason.L3: ("8.1", "a position has been at protocol level 3"),
    Reason.CONSECUTIVE_LOSSES: ("9", "too many losing chains in a row"),
    Reason.DAILY_DRAWDOWN: ("9", "corpus has fallen to 95 % of the start of the day"),
    Reason.SIMULTANEOUS_BREACHES: ("9", "too many positions of the system at level 2 or above"),
    Reason.ACCOUNT_DRAWDOWN: ("9", "corpus is too far under its flow-adjusted high"),
    Reason.VIX_SAFE: ("9", "VIX is above 65"),
    Reason.UNECONOMIC: ("7.3", "no candidate's net is within the debit cap"),
    Reason.MAX_ROLLS: ("7.3", "the roll chain has been rolled as often as roll.max_per_chain allows"),
    Reason.STOP_LOSS: ("8.3", "a level-3 exit takes the order's place"),
    Reason.HIGHER_LEVEL: ("8.3", "a higher level has lapsed the script of the lower one"),
    Reason.LEVEL_LEFT: ("8.3", "the level that the script was for has been left"),
    Reason.LEVEL: ("6.2", "a position of the account in this ticker is at protocol level 1 or above"),
    Reason.HALTED: ("6.2", "trading in the ticker is halted"),
    Reason.TOO_EARLY: ("10.5", "the time from which this is allowed has not come"),
    Reason.EXCEEDS_LIMIT: ("10.5", "the amount is above what may be withdrawn"),
    Reason.WITHDRAWAL_FORBIDDEN: ("10.5", "this account never pays out"),
    Reason.NOT_ACTIVE: ("10.2", "the account is not ACTIVE"),
    Reason.MODE: ("10.2", "the trading mode is not NORMAL"),
    Reason.BREAK: ("10.2", "a reconciliation break is open"),
    Reason.COOLDOWN: ("10.2", "the last fork is less than fork.cooldown_days ago"),
    Reason.DEPTH: ("10.2", "the account is as deep in the fork tree as fork.max_depth allows"),
    Reason.FREE_CASH: ("10.2", "free cash does not carry the fork and the buffer of what stays"),
    Reason.NO_GAINS: ("10.4", "the quarter brought no net gain and no capital waits"),
    Reason.POSTPONED_TOO_LONG: ("10.4", "the run was postponed as often as reinvest.max_postpone allows"),
    Reason.VALIDATION_FAILED: ("13.1", "a field of the instruction is missing or wrong"),
    Reason.SCHEME_MISMATCH: ("13.2", "the expiry does not fit the scheme"),
    Reason.NOT_COVERED: ("13.2", "the call would not be covered by shares (PT-10)"),
    Reason.INSUFFICIENT_FUNDS: ("13.2", "the client's account does not carry the trade"),
    Reason.RISK_REJECTED: ("13.2", "a pre-trade check refused the instruction"),
    Reason.TRADING_HALTED: ("13.1", "a breaker, the kill switch or a restriction stops opening trades"),
    Reason.FORBIDDEN: ("13.1", "the client may not use this account tag"),
    Reason.NOT_FOUND: ("13.1", "unknown, or another client's"),
}

Refusal = tuple[Reason, str]
"""Why a command is refused: its code and the details."""
