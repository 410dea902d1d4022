"""What every channel behind the delivery port must do.

An adapter's test derives from `DeliveryConformance` and gives `bench`: the adapter before a receiver that the suite can
direct. Channels that cannot fail say so.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import pytest

from gateways.delivery.port import DeliveryPort, DeliveryRefusedError, Message, TransientDeliveryError

MESSAGE = Message(
    "5f0c9c1e-0000-5000-8000-000000000001", "ALERT", "PRIMARY", "alert-1", "S001", "S001-GEN-001", "PROTOCOL_BREACH",
    "HIGH", "TSLA", "Level 2", "TSLA250613P00247500 at M = 2.10", 1_749_477_600_000_000,
)  # fmt: skip


class Arrived(NamedTuple):
    """A message as its receiver has it."""

    address: str
    """which of the receiver's addresses it came to; `log` has none"""
    notice_id: str
    text: str
    """all that a person reads"""


class DeliveryBench(Protocol):
    """An adapter and its receiver. Addresses: the name of a role, for PRIMARY and OWNER only."""

    @property
    def port(self) -> DeliveryPort:
        """The adapter."""
        ...

    @property
    def can_fail(self) -> bool:
        """Whether there is a receiver that can be away or refuse."""
        ...

    def arrived(self) -> list[Arrived]:
        """What the receiver has taken so far."""
        ...

    def busy(self) -> None:
        """The receiver asks to try later from now on."""
        ...

    def refusing(self) -> None:
        """The receiver refuses from now on."""
        ...

    def away(self) -> None:
        """Nobody listens from now on."""
        ...

    def well(self) -> None:
        """The receiver takes what comes again (not after `away`)."""
        ...


class DeliveryConformance:
    """The suite."""

    @pytest.fixture
    def bench(self) -> DeliveryBench:
        raise NotImplementedError

    def test_a_message_arrives_whole(self, bench: DeliveryBench) -> None:
        bench.port.deliver(MESSAGE)
        (found,) = bench.arrived()
        assert found.notice_id == MESSAGE.notice_id
        for part in ("HIGH", "S001-GEN-001", "TSLA", "Level 2", "TSLA250613P00247500 at M = 2.10"):
            assert part in found.text

    def test_each_role_has_its_address_and_the_primary_stands_in(self, bench: DeliveryBench) -> None:
        for role in ("PRIMARY", "SECONDARY", "OWNER"):
            bench.port.deliver(dataclasses.replace(MESSAGE, role=role))
        addresses = [found.address for found in bench.arrived()]
        assert addresses in (["PRIMARY", "PRIMARY", "OWNER"], ["", "", ""])

    def test_what_is_no_role_is_refused(self, bench: DeliveryBench) -> None:
        with pytest.raises(DeliveryRefusedError) as caught:
            bench.port.deliver(dataclasses.replace(MESSAGE, role="NOBODY"))
        assert caught.value.code == "UNKNOWN_ROLE"
        assert bench.arrived() == []

    def test_any_text_arrives(self, bench: DeliveryBench) -> None:
        title, text = "Δ 45 — “Grüße”\r\nBcc: x@y.example", "first\n.\n..dots\nlast £"
        bench.port.deliver(dataclasses.replace(MESSAGE, title=title, message=text))
        (found,) = bench.arrived()
        for part in ("Δ 45 — “Grüße”", "first", "..dots", "last £"):
            assert part in found.text

    def test_the_same_message_again_has_the_same_id(self, bench: DeliveryBench) -> None:
        bench.port.deliver(MESSAGE)
        bench.port.deliver(MESSAGE)
        assert [found.notice_id for found in bench.arrived()] == [MESSAGE.notice_id] * 2

    def test_several_threads_may_deliver(self, bench: DeliveryBench) -> None:
        messages = [dataclasses.replace(MESSAGE, notice_id=f"n{n}") for n in range(12)]
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(bench.port.deliver, messages))
        assert sorted(found.notice_id for found in bench.arrived()) == sorted(m.notice_id for m in messages)

    def test_a_busy_receiver_is_a_passing_failure(self, bench: DeliveryBench) -> None:
        self._may_fail(bench)
        bench.busy()
        with pytest.raises(TransientDeliveryError):
            bench.port.deliver(MESSAGE)
        bench.well()
        bench.port.deliver(MESSAGE)
        assert len(bench.arrived()) == 1

    def test_a_refusal_is_final(self, bench: DeliveryBench) -> None:
        self._may_fail(bench)
        bench.refusing()
        with pytest.raises(DeliveryRefusedError):
            bench.port.deliver(MESSAGE)
        assert bench.arrived() == []

    def test_nobody_there_is_a_passing_failure_without_addresses(self, bench: DeliveryBench) -> None:
        self._may_fail(bench)
        bench.away()
        with pytest.raises(TransientDeliveryError) as caught:
            bench.port.deliver(MESSAGE)
        assert "127.0.0.1" not in str(caught.value)
        assert "PRIMARY" not in str(caught.value).upper()

    @staticmethod
    def _may_fail(bench: DeliveryBench) -> None:
        if not bench.can_fail:
            pytest.skip("this channel cannot fail")
