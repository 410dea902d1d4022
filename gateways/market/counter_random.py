"""Random bits as pure functions of what they are for: the same on every machine, in every order of asking."""

import hashlib

import numpy as np
from numpy.typing import NDArray

_U64 = np.uint64


def seed_of(*parts: str | int) -> int:
    """128 bits from the parts that name the purpose."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16], "big")


def stream(seed: int, count: int) -> NDArray[np.float64]:
    """`count` numbers in [0, 1) of the Philox counter generator with this key; only its raw bits, which numpy fixes."""
    raw = np.random.Philox(key=seed).random_raw(count)
    return (raw >> _U64(11)).astype(np.float64) * 2.0**-53


def hashed(seed: int, *keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number in [0, 1) for each combination of keys (broadcast): the splitmix64 finaliser over seed and keys."""
    z = np.asarray(_U64(seed & 0xFFFF_FFFF_FFFF_FFFF))
    for key in keys:
        z = _mix(z ^ (key.astype(_U64) * _U64(0x9E3779B97F4A7C15)))
    return (z >> _U64(11)).astype(np.float64) * 2.0**-53


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    return z ^ (z >> _U64(31))
