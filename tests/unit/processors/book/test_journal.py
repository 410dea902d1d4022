"""The journal's bytes: keys as the codec would write them, the chain, the digest of an entry's events."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.book.journal import GENESIS, Chain, outputs_digest, read_key
from schemas.codec import Codec

longs = st.integers(0, 2**62 - 1)
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(
    longs,
    longs,
    longs,
    st.sampled_from(["commands", "broker", "clock", "market/3", "runtime"]),
    st.sampled_from(["taken", "duplicate", "refused", "parked"]),
    st.one_of(st.just(""), hexes),
    hexes,
    st.binary(max_size=300),
)
def test_a_key_written_by_hand_is_the_codecs_own(
    sequence: int,
    time_us: int,
    source_seq: int,
    source: str,
    disposition: str,
    outputs: str,
    previous: str,
    value: bytes,
) -> None:
    chain = Chain(sequence, previous, 0)

    key = chain.append(time_us, source, source_seq, disposition, outputs, value)

    assert key == Codec.load().encode(
        "JournalKey",
        {
            "sequence": sequence,
            "time_us": time_us,
            "source": source,
            "source_seq": source_seq,
            "disposition": disposition,
            "outputs": outputs,
            "previous": previous,
        },
    )
    assert read_key(key) == (sequence, time_us, source, source_seq, disposition, outputs, previous)
    assert (chain.sequence, chain.previous, chain.time_us) == (sequence + 1, sha256(key + value).hexdigest(), time_us)


def test_a_chain_that_follows_a_journal_ends_where_the_writer_ended() -> None:
    writer, reader = Chain(), Chain()
    entries = [(writer.append(5 + n, "commands", n, "taken", "", b"v%d" % n), b"v%d" % n) for n in range(4)]

    for key, value in entries:
        reader.follow(read_key(key), key, value)

    assert reader.previous == writer.previous != GENESIS
    assert reader.sequence == 4


@pytest.mark.parametrize("change", ["skipped", "altered value", "altered order"])
def test_a_broken_chain_is_refused(change: str) -> None:
    writer, reader = Chain(), Chain()
    entries = [(writer.append(n, "commands", n, "taken", "", b"v%d" % n), b"v%d" % n) for n in range(3)]
    broken = {
        "skipped": [entries[0], entries[2]],
        "altered value": [(entries[0][0], b"other"), entries[1]],
        "altered order": [entries[1], entries[0]],
    }[change]

    def read_all() -> None:
        for key, value in broken:
            reader.follow(read_key(key), key, value)

    with pytest.raises(ValueError, match="does not follow"):
        read_all()


def test_the_digest_of_events_knows_topic_order_and_borders() -> None:
    one = outputs_digest([("orders", b"ab"), ("fills", b"c")])

    assert outputs_digest([]) == ""
    assert one != outputs_digest([("fills", b"c"), ("orders", b"ab")])
    assert one != outputs_digest([("orders", b"a"), ("fills", b"bc")])
    assert one != outputs_digest([("orders", b"ab"), ("alerts", b"c")])
