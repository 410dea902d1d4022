"""The quarterly feedback cycle (protocol 11.4): rules mined from closed chains, effectiveness of the protocol's levels,
DTE and delta, the accounts. It proposes; **nothing changes without a person** (15.2), and STAR-LAB never counts.

A rule is what at least `mrr.min_trades` closed chains of a sleeve have in common and of which at least
`mrr.min_confidence` ended alike. It becomes a proposal where parameters can follow it: a losing edge of the delta band
or of the DTE range is cut off, a losing ticker left out, a level that comes too early or too late moved by one
hysteresis. Every proposal holds by itself: a set that contradicts itself is not made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import deny, grant, on_decided, refusal, request
from domain.calendar import DAY
from domain.commands import DecideParameterProposal, RunQuarterlyFeedback
from domain.config import CATALOGUE, Config, approvals_needed
from domain.configuring import adopt_proposal, contradiction
from domain.decision import Decision
from domain.feedback import STREAM, delta_bucket
from domain.money import ratio_e10, round_half_up
from domain.quarters import first_day, net_result, previous_quarter, quarter_id, quarter_of
from domain.reasons import Reason, Refusal
from domain.state import Account, Approval, ClosedChain

KIND = "PARAMETER_PROPOSAL"
PROPOSAL_US = 30 * DAY
SATURDAY_TO_SATURDAY = 7
CONDITIONS: tuple[tuple[str, ...], ...] = (
    ("ticker",), ("right", "delta_bucket"), ("right", "dte"), ("mode",), ("ticker", "right", "delta_bucket"),
    ("ticker", "mode"),
)  # fmt: skip
"""What the chains of a rule may have in common."""
LEVELS = (1, 2)
"""Level 3 always ends at a loss: its effect can't be read from results."""
SLEEVES = ("GEN", "REV", "COM")
IDLE = ("W-IDL", "W-CAR")


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding over the closed chains of a sleeve."""

    sleeve: str
    condition: tuple[tuple[str, str], ...]
    wins: bool
    trades: int
    confidence: Fraction
    mean_result: int
    """cents a chain"""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Parameters that a finding asks for."""

    review: str
    """MRR, THRESHOLDS or DTE_DELTA"""
    changes: dict[str, str]
    evidence: dict[str, str]
    confidence: Fraction


def review_due_quarter(d: Decision) -> None:
    """The first Saturday after a quarter's end: review it (protocol 11.4)."""
    if quarter_id(d.today) != quarter_id(d.today - SATURDAY_TO_SATURDAY):
        _review(d, previous_quarter(quarter_id(d.today)))


def run(d: Decision, _command: RunQuarterlyFeedback) -> Refusal | None:
    """The cycle of the last quarter that is over, now; one that has run has no further effect."""
    _review(d, previous_quarter(quarter_id(d.today)))
    return None


def decide(d: Decision, command: DecideParameterProposal) -> Refusal | None:
    """A person accepts or denies a proposal of the review, the same as by its approval request."""
    wanted = [
        a for a in d.book.approvals.values() if a.kind == KIND and a.proposal["proposal_id"] == command.proposal_id
    ]
    if not wanted:
        return Reason.UNKNOWN_APPROVAL, f"no pending proposal {command.proposal_id}"
    approval, by = wanted[0].approval_id, command.header.actor_id
    wrong = refusal(d, approval, by, command.header.role)
    if wrong is not None:
        return wrong, approval
    if command.accept:
        grant(d, approval, by, "")
    else:
        deny(d, approval, by, command.reason)
    return None


# --- the cycle ----------------------------------------------------------------------------------------------------


def _review(d: Decision, quarter: str) -> None:
    """Idempotent by quarter."""
    if d.book.reviewed_quarter >= quarter:
        return
    accounts = [d.book.accounts[key] for key in sorted(d.book.accounts)]
    evidence = {
        k: v for account in accounts if account.type in SLEEVES for k, v in _account_review(d, account, quarter)
    }
    trades = candidates = proposals = 0
    for sleeve in SLEEVES:
        chains = [chain for account in accounts if account.type == sleeve for chain in account.closed]
        config = d.config()
        rules = list(mine(sleeve, chains, config))
        for rule in rules:
            d.emit(_candidate(quarter, rule), STREAM)
        levels = list(level_effects(sleeve, chains, config))
        evidence |= {name: text for name, text, _ in levels}
        wanted = [made for rule in rules if (made := adjustment(rule, config)) is not None]
        wanted += [made for _, _, made in levels if made is not None]
        proposals += sum(_propose(d, quarter, one) for one in wanted)
        trades, candidates = trades + len(chains), candidates + len(rules)
    d.emit(e.FeedbackCycleCompleted("QUARTERLY", quarter, [], trades, candidates, proposals, evidence), STREAM)
    raise_alert(
        d, None, "ACCOUNT_MANAGEMENT", "MEDIUM" if proposals else "LOW", None, "Quarterly review",
        f"{quarter}: {trades} closed chains, {candidates} rules, {proposals} proposals",
    )  # fmt: skip


def _candidate(quarter: str, rule: Rule) -> e.RuleCandidateGenerated:
    outcome = "WIN" if rule.wins else "LOSS"
    return e.RuleCandidateGenerated(
        quarter, rule.sleeve, dict(rule.condition), outcome, rule.trades, ratio_e10(rule.confidence), rule.mean_result
    )


def mine(sleeve: str, chains: Sequence[ClosedChain], config: Config) -> Iterator[Rule]:
    """The rules of a sleeve's closed chains, in the order of `CONDITIONS`, then of what they have in common."""
    least, sure = config.integer("mrr.min_trades"), config.fraction("mrr.min_confidence")
    for names in CONDITIONS:
        groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for chain in chains:
            seen = _attributes(chain)
            if all(seen[name] for name in names):
                groups.setdefault(tuple((name, seen[name]) for name in names), []).append(chain.result)
        for condition in sorted(groups):
            results = groups[condition]
            won = Fraction(sum(result >= 0 for result in results), len(results))
            confidence = max(won, 1 - won)
            if len(results) >= least and confidence >= sure:
                mean = round_half_up(Fraction(sum(results), len(results)))
                yield Rule(sleeve, condition, won >= 1 - won, len(results), confidence, mean)


def _attributes(chain: ClosedChain) -> dict[str, str]:
    entry = chain.entry
    return {
        "ticker": chain.ticker,
        "right": entry.right,
        "delta_bucket": delta_bucket(entry.delta_e2),
        "dte": str(entry.dte),
        "mode": entry.mode,
    }


def level_effects(
    sleeve: str, chains: Sequence[ClosedChain], config: Config
) -> Iterator[tuple[str, str, Adjustment | None]]:
    """Effectiveness of the protocol's thresholds: what became of chains that reached a level (protocol 11.4).

    Mostly won: the level came too early and rises by one hysteresis; mostly lost: too late, it falls by one.
    """
    least, sure = config.integer("mrr.min_trades"), config.fraction("mrr.min_confidence")
    for level in LEVELS:
        results = [chain.result for chain in chains if chain.entry.worst_level >= level]
        if not results:
            continue
        won = Fraction(sum(result >= 0 for result in results), len(results))
        name, text = f"{sleeve}.level{level}", f"{len(results)} chains, {_percent(won)} % without a loss"
        confidence = max(won, 1 - won)
        made = None
        if len(results) >= least and confidence >= sure:
            key, step = f"protocol.level{level}", config.fraction("protocol.hysteresis")
            moved = config.fraction(key) + (step if won >= 1 - won else -step)
            made = Adjustment("THRESHOLDS", {key: _decimal(moved)}, {name: text}, confidence)
        yield name, text, made


def adjustment(rule: Rule, config: Config) -> Adjustment | None:
    """What parameters a losing rule asks for, `None` where none can follow it."""
    if rule.wins:
        return None
    match rule.condition:
        case (("ticker", ticker),):
            review, changes = "MRR", _without_ticker(rule.sleeve.lower(), ticker, config)
        case (("right", right), ("delta_bucket", bucket)):
            stem = f"{rule.sleeve.lower()}.{'delta' if right == 'P' else 'cc_delta'}"
            review, changes = "DTE_DELTA", _narrower_band(stem, bucket, config)
        case (("right", "P"), ("dte", dte)):
            review, changes = "DTE_DELTA", _narrower_dte(rule.sleeve.lower(), int(dte), config)
        case _:
            return None
    evidence = {"trades": str(rule.trades), "mean_result_cents": str(rule.mean_result), **dict(rule.condition)}
    return Adjustment(review, changes, evidence, rule.confidence) if changes else None


def _without_ticker(sleeve: str, ticker: str, config: Config) -> dict[str, str]:
    """Leave a losing ticker out, unless it is the only one or has a weight of its own."""
    tickers = config.items(f"{sleeve}.tickers")
    weighted = sleeve != "com" and config.text(f"{sleeve}.ticker_split") == "WEIGHTS"
    if ticker not in tickers or len(tickers) == 1 or weighted:
        return {}
    return {f"{sleeve}.tickers": ",".join(other for other in tickers if other != ticker)}


def _narrower_band(stem: str, bucket: str, config: Config) -> dict[str, str]:
    """Cut a losing bucket off an edge of a delta band; the target stays inside."""
    low, high = (Fraction(part) for part in bucket.split("-"))
    least, target, most = (config.fraction(f"{stem}_{part}") for part in ("min", "target", "max"))
    if low <= least < high < most:
        return {f"{stem}_min": _decimal(high), f"{stem}_target": _decimal(max(target, high))}
    if least < low < most <= high:
        return {f"{stem}_max": _decimal(low), f"{stem}_target": _decimal(min(target, low))}
    return {}


def _narrower_dte(sleeve: str, dte: int, config: Config) -> dict[str, str]:
    """Cut a losing day off an edge of the DTE range; GEN counts sessions and has none."""
    if sleeve == "gen":
        return {}
    least, most = (config.integer(f"{sleeve}.dte_{part}") for part in ("min", "max"))
    if least < most and dte == least:
        return {f"{sleeve}.dte_min": str(least + 1)}
    return {f"{sleeve}.dte_max": str(most - 1)} if least < most and dte == most else {}


def _account_review(d: Decision, account: Account, quarter: str) -> Iterator[tuple[str, str]]:
    """Chains won and lost, realised result, and what weeks have paid against `target_premium_pct`."""
    first, last = first_day(quarter), first_day(quarter_id(first_day(quarter) + 100))
    results = [chain.result for chain in account.closed if first <= chain.session < last]
    won = sum(result >= 0 for result in results)
    yield f"{account.account_id}.chains", f"{len(results)} ended, {won} without a loss"
    rows = [cell for kind, cell in account.matrix.items() if kind not in IDLE and "|" not in kind]
    weeks = sum(cell.count for cell in rows)
    if weeks and account.type in ("GEN", "REV"):
        paid = Fraction(sum(cell.premium for cell in rows), weeks * 10**10)
        target = d.config(account.account_id).fraction(f"{account.type.lower()}.target_premium_pct")
        text = f"{_percent(paid)} % of the capital weight in {weeks} weeks, target {_decimal(target)} %"
        yield f"{account.account_id}.premium", text
    yield f"{account.account_id}.net_result_cents", str(net_result(quarter_of(account, quarter)))


def _percent(share: Fraction) -> str:
    return _decimal(Fraction(round_half_up(share * 10_000), 100))


def _decimal(value: Fraction) -> str:
    """A finite decimal as it is written in a configuration."""
    whole, rest = divmod(abs(value), 1)
    digits = f"{round_half_up(rest * 10_000):04d}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' + digits if digits else ''}"


# --- proposals ------------------------------------------------------------------------------------------------------


def _propose(d: Decision, quarter: str, wanted: Adjustment) -> int:
    """Ask an owner; 1 where that was done. What is asked already, or would contradict itself, is not."""
    pending = [a.proposal for a in d.book.approvals.values() if a.kind == KIND]
    if any(wanted.changes.items() <= proposal.items() for proposal in pending):
        return 0
    if contradiction(d, "SYSTEM", wanted.changes) is not None:
        return 0
    proposal, in_force = d.next_event_id(), d.book.config.get("SYSTEM", {})
    old = {name: in_force.get(name, CATALOGUE[name].default) for name in wanted.changes}
    d.emit(
        e.ParameterAdjustmentProposed(
            proposal, quarter, wanted.review, "SYSTEM", old, dict(wanted.changes), dict(wanted.evidence),
            ratio_e10(wanted.confidence),
        ),
        STREAM,
    )  # fmt: skip
    request(
        d, None, KIND, ", ".join(sorted(wanted.changes)), {"proposal_id": proposal, **wanted.changes}, required=1,
        roles=["OWNER"], expires_us=d.now_us + PROPOSAL_US, default="deny",
    )  # fmt: skip
    changed = ", ".join(f"{name} {old[name]} -> {value}" for name, value in sorted(wanted.changes.items()))
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Parameter change proposed", changed)
    return 1


@on_decided(KIND)
def _decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """Denied or lapsed: nothing. Accepted: the owner's yes is the first of the approvals that the parameters need."""
    by, proposal = list(approval.granted_by), approval.proposal["proposal_id"]
    if not granted:
        d.emit(e.ParameterProposalDecided(proposal, "DENIED", "", 0), STREAM)
        return
    changes = {name: value for name, value in approval.proposal.items() if name != "proposal_id"}
    needed = max(0, approvals_needed(changes) - len(by))
    d.emit(e.ParameterProposalDecided(proposal, "ACCEPTED", ", ".join(by), needed), STREAM)
    adopt_proposal(d, changes, by, needed)
