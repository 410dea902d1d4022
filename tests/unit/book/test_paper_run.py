"""A recorded log with the paper broker: the same world, nobody answers by hand."""

from domain import events as e
from tests.harness.book_world import BookWorld, in_order, put
from tests.harness.invariants import Witness, chain_holds

THURSDAY, FRIDAY = "2025-06-12", "2025-06-13"


def test_a_put_is_sold_to_the_paper_broker_and_expires() -> None:
    world = BookWorld("2025-06-09", "2025-06-27", paper=True)
    world.watcher = Witness(world).check
    world.at("2025-06-09 08:00")
    world.create(1_000_000, {"gen.tickers": "TSLA", "gen.profit_take_pct": "100"})
    world.at(f"{THURSDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{THURSDAY} 10:00:10")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.95", "4.05", 45))
    world.at(f"{FRIDAY} 16:20")
    world.mark(("TSLA", 251))
    world.bar("TSLA", 251, FRIDAY)
    world.at("2025-06-14 11:00")
    in_order(
        world.happened,
        e.OrderSubmitted,
        e.OrderAcknowledged,
        e.OrderFilled,
        (e.OptionExpiredWorthless, {"quantity": 15}),
        (e.WeekClassified, {"ticker": "TSLA", "primary_type": "P-EW"}),
    )
    assert not world.events(e.ReconciliationBreakDetected)
    assert all(r.broker_cash == r.book_cash for r in world.events(e.ReconciliationCompleted))
    assert chain_holds(world) > 0
