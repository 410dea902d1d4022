"""How parameters change (protocol 15.2, 18): proposed, checked as a whole, approved, checked again, in force."""

from collections.abc import Mapping

from domain import events as e
from domain.approvals import TWO_PEOPLE, business_days_on, on_decided, request
from domain.commands import ProposeConfigurationChange
from domain.config import CATALOGUE, Config, ConfigurationError, approvals_needed
from domain.decision import Decision
from domain.reasons import Reason, Refusal
from domain.state import Approval


def propose_configuration(d: Decision, command: ProposeConfigurationChange) -> Refusal | None:
    """Check a set as a whole; ask for the approvals that its keys need, or let it take effect."""
    scope, changes, by = command.scope, command.changes, command.header.actor_id
    if scope != "SYSTEM" and scope not in d.book.accounts:
        return Reason.UNKNOWN_ACCOUNT, scope
    if not changes:
        return Reason.INVALID_VALUE, "no changes"
    wrong = contradiction(d, scope, changes)
    if wrong is not None:
        return wrong
    if changes.get("week_mode.apply") == "ACTIVE" and not d.book.predictor.qualified:
        return Reason.NOT_ELIGIBLE, "the mode predictor has not qualified (protocol 11.5)"
    needed = approvals_needed(changes)
    proposal = d.next_event_id()
    d.emit(e.ConfigurationProposed(proposal, scope, changes, needed, by), "config")
    if not needed:
        _apply_configuration(d, scope, changes, [])
        return None
    expires = business_days_on(d, d.config().integer("approval.config_days"))
    request(
        d,
        None,
        "CONFIGURATION",
        scope,
        {"proposal_id": proposal, **changes},
        required=needed,
        roles=TWO_PEOPLE,
        expires_us=expires,
        default="deny",
        requester=by,
    )
    return None


def contradiction(d: Decision, scope: str, changes: Mapping[str, str]) -> Refusal | None:
    """Why a set may not take effect: every scope that it reaches is checked as it would be."""
    system, config = d.book.config.get("SYSTEM", {}), d.book.config
    if scope == "SYSTEM":
        system = {**system, **changes}
        stacks = [[system], *([config[key], system] for key in sorted(config) if key != "SYSTEM")]
    else:
        stacks = [[{**config.get(scope, {}), **changes}, system]]
    try:
        for overlays in stacks:
            Config(0, *overlays).check()
    except ConfigurationError as error:
        return error.code, error.message
    return None


@on_decided("CONFIGURATION")
def _configuration_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """Approved sets are checked again: others may have taken effect since they were proposed."""
    proposal = approval.proposal["proposal_id"]
    changes = {name: value for name, value in approval.proposal.items() if name not in ("proposal_id", "accepted_by")}
    accepted = approval.proposal.get("accepted_by")
    people = [*([accepted] if accepted else []), *approval.granted_by]
    wrong = contradiction(d, approval.subject, changes)
    if not granted:
        d.emit(e.ConfigurationRejected(proposal, Reason.NOT_APPROVED, "denied or lapsed"), "config")
    elif wrong is not None:
        d.emit(e.ConfigurationRejected(proposal, *wrong), "config")
    else:
        d.emit(e.ConfigurationApproved(proposal, ", ".join(people)), "config")
        _apply_configuration(d, approval.subject, changes, people)


def adopt_proposal(d: Decision, changes: dict[str, str], accepted_by: list[str], needed: int) -> None:
    """An owner has accepted a proposal of the quarterly review (protocol 11.4): it takes effect, or `needed` more
    people are asked as for any change of these parameters; nobody approves twice."""
    by = ", ".join(accepted_by)
    proposal = d.next_event_id()
    d.emit(e.ConfigurationProposed(proposal, "SYSTEM", changes, needed + len(accepted_by), by), "config")
    wrong = contradiction(d, "SYSTEM", changes)
    if wrong is not None:
        d.emit(e.ConfigurationRejected(proposal, *wrong), "config")
    elif not needed:
        d.emit(e.ConfigurationApproved(proposal, by), "config")
        _apply_configuration(d, "SYSTEM", changes, accepted_by)
    else:
        request(
            d, None, "CONFIGURATION", "SYSTEM", {"proposal_id": proposal, "accepted_by": by, **changes},
            required=needed, roles=TWO_PEOPLE, requester=by, default="deny",
            expires_us=business_days_on(d, d.config().integer("approval.config_days")),
        )  # fmt: skip


def _apply_configuration(d: Decision, scope: str, changes: dict[str, str], approvals: list[str]) -> None:
    in_force = {**d.book.config.get("SYSTEM", {}), **d.book.config.get(scope, {})}
    old = {name: in_force.get(name, CATALOGUE[name].default) for name in changes}
    d.emit(e.ConfigurationChanged(d.book.config_version + 1, scope, old, changes, list(approvals)), "config")
