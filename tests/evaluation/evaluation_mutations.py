"""Damage a JSON file at random."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numpy as np


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the bytes, or parse them and damage the structure."""
    chance = random.Random(int(rng.integers(1 << 32)))
    match chance.randrange(6):
        case 0:
            return content[: chance.randrange(len(content))]
        case 1:
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            return bytes(damaged)
        case 2:
            start = chance.randrange(len(content))
            return content[:start] + content[start + chance.randint(1, 60) :]
        case _:
            document = json.loads(content)
            for _ in range(chance.randint(1, 3)):
                _damage(document, chance)
            return json.dumps(document).encode()


VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    "",
    " ",
    "\ud800",
    "q0-0",
    [],
    {},
    [[]],
)


def _damage(document: dict[str, Any], chance: random.Random) -> None:
    """Walk down to a random place, and replace, remove or double what is there."""
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.85:
            place = place[key]
            continue
        match chance.randrange(3):
            case 0:
                place[key] = copy.deepcopy(chance.choice(VALUES))
            case 1:
                del place[key]
            case _ if isinstance(place, list):
                place.append(copy.deepcopy(place[key]))
            case _:
                place[key] = chance.randint(-5, 100)
        return
