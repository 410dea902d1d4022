"""Action scripts (protocol 8.3): data, not code. What is done twice has no second effect."""

from domain import events as e
from domain.contracts import option
from domain.decision import Decision
from domain.state import Account, Script


def store(
    d: Decision,
    account: Account,
    position_id: str,
    contract: str,
    level: int,
    steps: list[tuple[str, dict[str, str], bool]],
    economics: dict[str, str],
    expires_us: int = 0,
) -> str:
    """Generate a script: steps as (action, parameters, needs approval). Returns its id."""
    identity = d.next_event_id()
    rows = [e.ScriptStep(n, action, params, ask) for n, (action, params, ask) in enumerate(steps, start=1)]
    d.emit(
        e.ActionScriptGenerated(identity, position_id, contract, level, expires_us, rows, economics),
        f"position-{position_id}",
        account,
    )
    return identity


def open_script_of(d: Decision, account: Account, contract: str, level: int) -> Script | None:
    """The open script of a position for a level."""
    return next(
        (
            s
            for s in d.book.scripts.values()
            if s.account_id == account.account_id and s.contract == contract and s.level == level
        ),
        None,
    )


def step_executed(d: Decision, account: Account, script_id: str, action: str, result: str) -> bool:
    """Note that a step was carried out. False when it was before, or the script is not open: nothing may be done."""
    script = d.book.scripts.get(script_id)
    if script is None:
        return False
    seq = script.steps.get(action)
    if seq is None or seq in script.done:
        return False
    d.emit(e.ActionScriptStepExecuted(script_id, seq, action, result), f"script-{script_id}", account)
    return True


def lapse_scripts(d: Decision, account: Account, contract: str, below: int, reason: str) -> None:
    """A higher level, or the end of the position, lapses the open scripts of lower levels (protocol 8.3)."""
    for script in list(d.book.scripts.values()):
        if script.account_id == account.account_id and script.contract == contract and script.level < below:
            d.emit(e.ActionScriptLapsed(script.script_id, reason), f"script-{script.script_id}", account)


def store_recovery_script(d: Decision, account: Account, contract: str) -> None:
    """The recovery script that is stored at entry (protocol 8.3): what each level would do about this put."""
    short, terms = account.shorts[contract], option(contract)
    if terms.right != "P" or account.type == "EXT":
        return
    steps: list[tuple[str, dict[str, str], bool]] = [
        ("MONITOR", {"level": "1"}, False),
        ("ROLL", {"level": "2"}, True),
        ("CLOSE", {"level": "3"}, False),
    ]
    figures = {"p0_e4": str(short.p0_e4), "atr_e6": str(short.atr_e6)}
    store(d, account, short.position_id, contract, 0, steps, figures)
