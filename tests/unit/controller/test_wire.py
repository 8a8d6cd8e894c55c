"""What nodes say to each other changes only together with the feature set, and so that the former release understands.

`wire.txt` has each message as of the feature set in its first line: a line for each field, with `=` if it may be left
out. After a change raise FEATURE_SET in crm/model/release.py, then: python -m tests.unit.controller.test_wire
"""

from __future__ import annotations

import re
import sys
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from crm.cib.changes import Change
from crm.controller.protocol.codec import wire_name
from crm.controller.protocol.messages import Message
from crm.model.release import FEATURE_SET, numbers

RECORDED = Path(__file__).with_name("wire.txt")


def wire() -> dict[str, str]:
    """Each field of each dataclass that is sent, as `Class.field`, with its type and whether it may be left out."""
    found: dict[str, str] = {}
    waiting: list[Any] = [*get_args(Message), *get_args(Change)]
    seen: set[Any] = set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        waiting += get_args(kind)
        if is_dataclass(kind) and isinstance(kind, type):
            waiting += get_type_hints(kind).values()
            found |= {f"{wire_name(kind)}.{_alias(each)}": _told(each) for each in fields(kind)}
        elif isinstance(kind, UnionType):
            waiting += kind.__args__
    return found


def _alias(field: Field[Any]) -> str:
    """What the field is called on the wire."""
    named = re.search(r"""alias=['"](\w+)""", str(field.type))
    return named[1] if named else field.name


def _told(field: Field[Any]) -> str:
    optional = field.default is not MISSING or field.default_factory is not MISSING
    return f"{field.type}{' =' if optional else ''}"


def recorded() -> tuple[str, dict[str, str]]:
    first, *lines = RECORDED.read_text(encoding="utf-8").splitlines()
    return first.removeprefix("feature set "), dict(line.split(": ", 1) for line in lines)


def breaks(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What the former release would not understand, or would be missed by it."""
    kinds = {name.partition(".")[0] for name in before}
    found = [f"{name} is gone, or has become another" for name in before
             if after.get(name, "").removesuffix(" =") != before[name].removesuffix(" =")]
    found += [f"{name} may not be left out" for name in after
              if name.partition(".")[0] in kinds and not after[name].endswith("=") and
              (name not in before or before[name].endswith("="))]
    return found


def test_the_feature_set_tells_what_is_said() -> None:
    feature_set, before = recorded()
    after = wire()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not changed, f"{changed}: raise FEATURE_SET above {FEATURE_SET}, and record what is said (see above)"
    assert feature_set == FEATURE_SET, "record what is said as of this feature set (see above)"


def test_what_breaks_the_former_release_is_noticed() -> None:
    before = {"Hello.view": "int", "Hello.term": "int", "Hello.tainted": "bool ="}
    assert breaks(before, before | {"Hello.store": "Store =", "Panic.term": "int"}) == []
    assert breaks(before, before | {"Hello.store": "Store"}) == ["Hello.store may not be left out"]
    assert breaks(before, before | {"Hello.tainted": "bool"}) == ["Hello.tainted may not be left out"]
    assert breaks(before, before | {"Hello.view": "str"}) == ["Hello.view is gone, or has become another"]
    assert breaks(before, {"Hello.view": "int", "Hello.tainted": "bool ="}) == [
        "Hello.term is gone, or has become another"]


def main() -> int:
    """Record what is said; refused where the former release would not understand and is to work beside this one."""
    if RECORDED.exists():
        former, before = recorded()
        broken = breaks(before, wire()) if numbers(former)[:1] == numbers(FEATURE_SET)[:1] else []
        if broken or (former == FEATURE_SET and before != wire()):
            print(*broken, f"Feature set {former} is recorded with other messages: raise FEATURE_SET (its first number "
                  "if nodes of both cannot work together)", sep="\n", file=sys.stderr)
            return 1
    lines = [f"feature set {FEATURE_SET}", *(f"{name}: {told}" for name, told in sorted(wire().items()))]
    RECORDED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
