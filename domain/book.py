"""One book: which rule answers which input. Knows no other book and no wire format."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from domain import commands as c
from domain import configuring, review, starlab
from domain import events as e
from domain import governance as g
from domain import inputs as i
from domain.approvals import answer_by_policy
from domain.decision import Decision
from domain.fills import on_execution
from domain.inception import create_system, import_book, link_confirmed
from domain.lifecycle import opening
from domain.lifecycle.transfers import on_cash_activity
from domain.orders import on_status
from domain.outcomes import on_assignment
from domain.reasons import Reason, Refusal
from domain.reconciliation import on_statement

TAKEN, DUPLICATE, REFUSED, PARKED = "taken", "duplicate", "refused", "parked"
"""Dispositions of a journal entry (architecture.md)."""

Command = Any
CommandRule = Callable[[Decision, Any], Refusal | str | None]

COMMAND_RULES: dict[type, CommandRule] = {
    c.CreateSystem: create_system,
    c.ImportBook: import_book,
    c.ProposeConfigurationChange: configuring.propose_configuration,
    c.GrantApproval: g.grant,
    c.DenyApproval: g.deny,
    c.EngageKillSwitch: g.engage_kill_switch,
    c.ReleaseKillSwitch: g.release_kill_switch,
    c.SuspendAccount: g.suspend,
    c.ResumeAccount: g.resume,
    c.RestrictTradingMode: g.restrict_mode,
    c.LiftTradingModeRestriction: g.lift_restriction,
    c.CancelOrder: g.cancel_order,
    c.RecordFee: g.record_fee,
    c.RecordDividend: g.record_dividend,
    c.RecordTaxPayment: g.record_tax_payment,
    c.TransferCapital: g.transfer_capital,
    c.GuessWeekMode: g.guess_week_mode,
    c.GenerateExitSignal: g.generate_exit,
    c.ReleasePreservation: g.release_preservation,
    c.ResetCircuitBreaker: g.reset_breaker,
    c.RequestWithdrawal: g.withdraw,
    c.LinkBrokerAccount: g.link_broker_account,
    c.CompleteFork: g.complete_fork,
    c.EvaluateFork: g.evaluate_fork,
    c.InitiateFork: g.initiate_fork,
    c.AbortFork: g.abort_fork,
    c.EvaluateMerge: g.evaluate_merge,
    c.InitiateMerge: g.initiate_merge,
    c.CompleteMerge: g.complete_merge,
    c.AllocateContribution: g.allocate_contribution,
    c.OpenAccount: opening.open_account,
    c.FundAccount: opening.ask_to_fund,
    c.AbortAccountOpening: opening.abort,
    c.RunQuarterlyReinvestment: g.run_reinvestment,
    c.CloseTaxYear: g.close_tax_year,
    c.RunQuarterlyFeedback: review.run,
    c.DecideParameterProposal: review.decide,
    c.CloseAccount: g.close_account,
    c.CorrectLedger: g.correct_ledger,
    c.RecordInterest: g.record_interest,
    c.RaiseAlert: g.raise_by_watchdog,
    c.AcknowledgeAlert: g.acknowledge_alert,
    c.ResolveAlert: g.resolve_alert,
    c.SubmitTradeInstruction: starlab.submit,
    c.CancelInstruction: starlab.cancel,
}
FOUNDING = (c.CreateSystem, c.ImportBook)
"""Commands that make a book where there was none."""


def on_command(d: Decision, command: Command) -> str:
    """Accept or refuse a command; a repetition is answered from state (protocol 19.1). Returns the disposition."""
    header: c.CommandHeader = command.header
    name = type(command).__name__
    body = body_hash(command)
    known = d.book.commands.get(header.command_id)
    if known == body:
        return DUPLICATE
    if known is not None:
        reject(d, name, header.command_id, Reason.IDEMPOTENCY_CONFLICT, "the command id was used with another body")
        return REFUSED
    d.book.commands[header.command_id] = body
    if header.valid_until_us and d.now_us >= header.valid_until_us:
        reject(d, name, header.command_id, Reason.EXPIRED_COMMAND, f"valid until {header.valid_until_us}")
        return REFUSED
    if not d.book.accounts and not isinstance(command, FOUNDING):
        reject(d, name, header.command_id, Reason.UNKNOWN_BOOK, d.book.system_id)
        return REFUSED
    refusal = COMMAND_RULES[type(command)](d, command)
    if refusal == starlab.DUPLICATE:
        return DUPLICATE
    if refusal is not None:
        assert isinstance(refusal, tuple)
        reject(d, name, header.command_id, *refusal)
        return REFUSED
    finish(d)
    return TAKEN


def body_hash(command: Command) -> str:
    """SHA-256 of what a command asks, its header's times and actor apart from the book left out."""
    fields = [f"{name}={getattr(command, name)!r}" for name in command.__slots__ if name != "header"]
    return sha256("|".join([type(command).__name__, command.header.book, *fields]).encode()).hexdigest()


def reject(d: Decision, name: str, command_id: str, code: Reason, detail: str) -> None:
    """A refused command is an event too (protocol 19.1)."""
    d.emit(e.CommandRejected(name, command_id, code, detail), "audit")


def on_report(d: Decision, report: Any) -> str:
    """Take a broker's report. Returns the disposition."""
    match report:
        case i.BrokerExecution():
            changed = on_execution(d, report)
        case i.BrokerOrderStatus():
            changed = on_status(d, report)
        case i.BrokerAssignment():
            changed = on_assignment(d, report)
        case i.BrokerCashActivity():
            changed = on_cash_activity(d, report)
        case i.BrokerStatement():
            on_statement(d, report)
            changed = True
        case i.BrokerLinked():
            changed = link_confirmed(d, report.deposit, report.permissions, report.combinations)
        case i.BrokerSession():
            changed = report.connected != d.book.broker_up
            stream = f"broker-{d.book.broker_account}"
            if changed:
                d.emit(
                    e.BrokerConnected(report.reason) if report.connected else e.BrokerDisconnected(report.reason),
                    stream,
                )
        case _:
            raise ValueError(f"unknown report {type(report).__name__}")
    finish(d)
    return TAKEN if changed else DUPLICATE


def finish(d: Decision) -> None:
    """What follows every input: in simulation pending requests are answered by policy."""
    if d.book.approvals:
        answer_by_policy(d)
