#!/usr/bin/env python3
"""Memslots and MMIO caches of the modelled kernel at layers 0 to 8, for kmc to judge.

Written from docs/model.md and docs/protocol.md. Up to layer 8 the removal of a slot drops every
shadow page, so pages are not modelled: there are roots, and below them leaf entries by gfn. That
decides every outcome of an access with EPT or NPT, 4K pages and a budget that suffices.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Generator, Iterator, Union

PAGE = 4096
U64 = 2**64 - 1
LOG_DIRTY, READ_ONLY = 1, 2  # flags of a slot
PRESENT, WRITE, USER, RESERVED, FETCH = 1, 2, 4, 8, 16  # error code of a page fault

Json = dict[str, Any]
# What can be interrupted is a generator. It yields the scheduling point that it stands at, or, to
# wait, a function that tells whether the wait is over.
Stop = Union[str, Callable[[], bool]]
Task = Generator[Stop, None, Any]
Root = set[int]  # those of its entries (512 GiB each) that lead on to the leaf entries

CAPABILITIES = """
    operation:set_memory_region operation:create_vcpu operation:access operation:enter_smm
    operation:leave_smm operation:inject operation:probe operation:snapshot operation:threads
    inject:generation probe:encode_generation probe:decode_generation
    probe:memslots_updated_hook probe:kvm_mmu_invalidate_mmio_sptes snapshot:memslots
    snapshot:cache snapshot:entries event:memslots.* event:cache.* event:page_fault event:warn*
    point:memslots.* point:guest.enter point:slot.looked-up point:cache.fill point:spte.mark
    point:spte.check point:emulate fact:memslot_update_in_progress_bit fact:mmio_generation_width
    fact:hook_argument machine:address_spaces machine:mmio_generation_bits machine:paging=ept
    machine:page_budget=1000
""".split()


class RpcError(Exception):
    """An answer without a result. -32000: the case cannot go on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Numbers:
    """Memslot generations at one layer, and how they stand in an MMIO SPTE."""

    def __init__(self, layer: int, spaces: int = 2, bits: int = 19) -> None:
        self.layer, self.spaces = layer, spaces
        self.flag = 1 << 63 if layer >= 8 else 1
        self.shift = 0 if layer >= 8 else 1
        self.mask = ((1 << bits) - 1 << self.shift) | (layer < 6)
        self.width = 64 if layer >= 5 else 32
        self.hook_argument = "generation" if layer >= 1 else "memslots"

    def first(self, space: int) -> int:
        return space if self.layer >= 8 else 2 * space if self.layer == 7 else 2 * space - 150 & U64

    def published(self, old: int) -> int:
        return old | self.flag if self.layer >= 4 else old + 1 & U64

    def final(self, published: int) -> int:
        settled = published & ~self.flag if self.layer >= 4 else published - 1
        return settled + (self.spaces << self.shift) & U64

    def in_flux(self, generation: int) -> bool:
        return generation & self.flag != 0

    def wrapped(self, generation: int) -> bool:
        number = generation & self.mask
        return number == 0 if self.layer < 2 else number >> self.shift & ~(self.spaces - 1) == 0

    def encode(self, generation: int) -> int:
        if self.layer < 6:
            passed = generation & (1 << self.width) - 1
            return ((passed & 0x3FE) << 2 | passed >> 10 << 52) & U64
        stored = generation >> self.shift
        return (stored & 0x1FF) << 3 | (stored >> 9 & 0x3FF) << 52

    def decode(self, entry: int) -> int:
        if self.layer < 6:
            entry &= ~(1 << 62 | 1 << 51)  # what makes it an MMIO SPTE is no generation
            return (entry >> 2 & 0x3FE | entry >> 52 << 10) & (1 << self.width) - 1
        return (entry >> 3 & 0x1FF | (entry >> 52 & 0x3FF) << 9) << self.shift

    def facts(self) -> Json:
        return {
            "memslot_update_in_progress_bit": (0, 63)[self.layer >= 8] if self.layer >= 4 else None,
            "mmio_generation_width": self.width,
            "hook_argument": self.hook_argument,
        }


@dataclass(frozen=True)
class Slot:
    gfn: int
    npages: int
    hva: int
    flags: int
    invalid: bool = False

    def covers(self, gfn: int) -> bool:
        return self.gfn <= gfn < self.gfn + self.npages

    def may_replace(self, old: Slot) -> bool:
        same_memory = self.npages == old.npages and self.hva == old.hva
        return same_memory and not (self.flags ^ old.flags) & READ_ONLY

    def overlaps(self, other: Slot) -> bool:
        return self.gfn < other.gfn + other.npages and other.gfn < self.gfn + self.npages

    def host(self, gfn: int) -> int:
        return self.hva + (gfn - self.gfn) * PAGE


@dataclass
class Memslots:
    """A published set: slots by id."""

    generation: int
    slots: dict[int, Slot] = field(default_factory=dict)

    def visible(self, gfn: int) -> Slot | None:
        slots = (slot for slot in self.slots.values() if slot.covers(gfn) and not slot.invalid)
        return next(slots, None)


@dataclass
class Leaf:
    """A translation. The other kind of entry is an MMIO SPTE, of which the number is kept."""

    hva: int
    host_writable: bool
    writable: bool


@dataclass
class Vcpu:
    id: int
    smm: bool = False
    root: Root | None = None
    cached_gfn: int = 0
    cached_generation: int = 0
    tried_again: int | None = None


class Vm:
    """A virtual machine: lives from one `reset` to the next."""

    def __init__(self, layer: int, machine: Json, events: list[str]) -> None:
        self.spaces = machine.get("address_spaces", 2)
        self.numbers = Numbers(layer, self.spaces, machine.get("mmio_generation_bits", 19))
        self.paging = machine.get("paging", "npt")
        self.fixed_budget = machine.get("page_budget") is not None
        self.budget = self.fixed_budget  # without one there is no root
        self.memslots = [Memslots(self.numbers.first(space)) for space in range(self.spaces)]
        self.vcpus: list[Vcpu] = []
        self.memory: dict[int, int] = {}  # bytes by host address
        self.held: set[str] = set()  # locks
        self.readers: set[object] = set()  # SRCU read sections
        self.wanted = frozenset(events)
        self.events: list[Json] = []
        self.invalidate_all()

    def emit(self, event: str, **fields: Any) -> None:
        if event in self.wanted:
            self.events.append({"event": event, **fields})

    def locked(self, lock: str, body: Task | None = None) -> Task:
        if lock in self.held:
            yield lambda: lock not in self.held
        self.held.add(lock)
        result = (yield from body) if body else None
        self.held.remove(lock)
        return result

    def reading(self, body: Task) -> Task:
        section = object()
        self.readers.add(section)
        result = yield from body
        self.readers.remove(section)
        return result

    # Memslots

    def set_memory_region(self, step: Json) -> Task:
        return {"result": (yield from self.locked("slots_lock", self.update(step)))}

    def update(self, step: Json) -> Task:
        space, slot_id, flags = step.get("as", 0), step["slot"], step.get("flags", 0)
        gpa, size, hva = (int(step[name], 16) for name in ("gpa", "size", "hva"))
        if flags & ~(LOG_DIRTY | READ_ONLY) or (gpa | size | hva) % PAGE or slot_id > 508:
            return "EINVAL"
        if space >= self.spaces or hva + size > 2**47 - PAGE or gpa + size > U64:
            return "EINVAL"
        others = dict(self.memslots[space].slots)
        old = others.pop(slot_id, None)
        new = Slot(gpa // PAGE, size // PAGE, hva, flags) if size else None
        if size // PAGE > 2**31 - 1 or old is new is None:
            return "EINVAL"
        if new is not None and old is not None:
            if not new.may_replace(old):
                return "EINVAL"
            if new == old:
                return "ok"
        if new is not None and (old is None or old.gfn != new.gfn):
            if any(new.overlaps(other) for other in others.values()):
                return "EEXIST"
        if old is not None and (new is None or old.gfn != new.gfn):
            yield from self.install(space, {**others, slot_id: replace(old, invalid=True)})
            yield from self.locked("mmu_lock")
            self.invalidate_all()
        yield from self.install(space, others if new is None else {**others, slot_id: new})
        if not self.fixed_budget:
            yield from self.locked("mmu_lock")
            self.budget = True
        if new is not None and new.flags:
            yield from self.locked("mmu_lock")
            self.write_protect(space, new)
        return "ok"

    def install(self, space: int, slots: dict[int, Slot]) -> Task:
        numbers, at = self.numbers, {"as": space}
        old = self.memslots[space].generation
        if numbers.in_flux(old):
            self.emit("warn", where="install_new_memslots")
        memslots = self.memslots[space] = Memslots(numbers.published(old), slots)
        self.emit("memslots.published", **at, generation=hex(memslots.generation))
        yield "memslots.published"
        before = set(self.readers)
        yield lambda: before.isdisjoint(self.readers)
        self.emit("memslots.synchronized", **at)
        yield "memslots.synchronized"
        final = numbers.final(memslots.generation)
        if numbers.layer >= 1:
            yield from self.hook(final)
        memslots.generation = final
        self.emit("memslots.generation", **at, generation=hex(final))
        yield "memslots.generation"
        if numbers.layer < 1:
            yield from self.hook(final)

    def hook(self, generation: int) -> Task:
        seen = {f"as{i}": hex(memslots.generation) for i, memslots in enumerate(self.memslots)}
        self.emit("memslots.arch-updated", generation=hex(generation), **seen)
        yield from self.drop_if_wrapped(generation)
        yield "memslots.arch-updated"

    def drop_if_wrapped(self, generation: int) -> Task:
        if self.numbers.layer >= 8 and self.numbers.in_flux(generation):
            self.emit("warn", where="kvm_mmu_invalidate_mmio_sptes")
        if self.numbers.wrapped(generation):
            yield from self.locked("mmu_lock")
            self.invalidate_all()

    # Tables

    def invalidate_all(self) -> None:
        """The fast invalidate: no entry is left, and each vCPU will load another root."""
        for vcpu in self.vcpus:
            if vcpu.root is not None:
                vcpu.root.clear()
        self.roots: list[Root] = [set(), set()]  # outside SMM, in SMM
        self.entries: list[dict[int, Leaf | int]] = [{}, {}]

    def write_protect(self, space: int, slot: Slot) -> None:
        for smm, entries in enumerate(self.entries):
            for gfn, entry in entries.items() if smm * (self.spaces - 1) == space else ():
                if isinstance(entry, Leaf) and slot.covers(gfn):
                    entry.writable = False

    def memslots_of(self, vcpu: Vcpu) -> Memslots:
        return self.memslots[self.spaces - 1 if vcpu.smm else 0]

    def walk(self, vcpu: Vcpu, gfn: int) -> Leaf | int | None:
        linked = vcpu.root is not None and gfn >> 27 in vcpu.root
        return self.entries[vcpu.smm].get(gfn) if linked else None

    def map(self, vcpu: Vcpu, gfn: int, slot: Slot | None) -> Task:
        """Writes the entry for a gfn. Returns whether there is no memory: to be emulated."""
        if slot is None:
            yield "spte.mark"
        if vcpu.root is not None:
            vcpu.root.add(gfn >> 27)
        entries = self.entries[vcpu.smm]
        if slot is not None:
            writable = not slot.flags & READ_ONLY
            entries[gfn] = Leaf(slot.host(gfn), writable, writable)
        else:
            number = self.memslots_of(vcpu).generation & self.numbers.mask
            entries[gfn] = self.numbers.decode(self.numbers.encode(number))
        self.prefetch(vcpu, gfn, entries)
        return slot is None

    def prefetch(self, vcpu: Vcpu, gfn: int, entries: dict[int, Leaf | int]) -> None:
        """Maps the runs around a new entry that end before a translation, or before itself."""
        run: list[int] = []
        for other in range(gfn & ~7, (gfn & ~7) + 8):
            if other != gfn and not isinstance(entries.get(other), Leaf):
                run.append(other)
            elif run:
                slot = self.memslots_of(vcpu).visible(run[0])
                if slot is None or slot.flags or not slot.covers(run[-1]):
                    return
                entries.update((page, Leaf(slot.host(page), True, True)) for page in run)
                run = []

    # The guest

    def access(self, step: Json) -> Task:
        vcpu, address, size = self.vcpus[step["vcpu"]], int(step["gpa"], 16), step.get("size", 8)
        kind, value = step.get("kind", "read"), int(step.get("value", "0x0"), 16)
        data = value.to_bytes(8, "little")[:size] if kind == "write" else None
        code = USER | {"read": 0, "write": WRITE, "fetch": FETCH}[kind]
        outcome = "hit"
        while True:
            yield "guest.enter"
            if vcpu.root is not self.roots[vcpu.smm] and not self.budget:
                return {"outcome": "ENOSPC"}
            yield from self.reading(self.load_root(vcpu))
            entry = self.walk(vcpu, address // PAGE)
            if isinstance(entry, Leaf) and (entry.writable or data is None):
                return {"outcome": outcome, **self.reach(entry.hva + address % PAGE, size, data)}
            error = code
            if entry is not None:
                error |= PRESENT if isinstance(entry, Leaf) else RESERVED
            self.emit("page_fault", vcpu=vcpu.id, address=hex(address), error_code=error)
            ended = yield from self.reading(self.fault(vcpu, address, error, size, data))
            if ended is not None:
                return ended
            outcome = "mapped"

    def load_root(self, vcpu: Vcpu) -> Task:
        while vcpu.root is not self.roots[vcpu.smm]:
            yield from self.locked("mmu_lock")
            vcpu.root = self.roots[vcpu.smm]

    def reach(self, hva: int, size: int, data: bytes | None) -> Json:
        """Reads or writes memory of the host."""
        if data is not None:
            self.memory.update(enumerate(data, hva))
        found = bytes(self.memory.get(byte, 0) for byte in range(hva, hva + size))
        return {"hva": hex(hva), "value": hex(int.from_bytes(found, "little"))}

    def fault(self, vcpu: Vcpu, address: int, error: int, size: int, data: bytes | None) -> Task:
        """Handles a page fault. Returns the outcome, or None: the guest tries again."""
        gfn, via = address // PAGE, None
        if error & RESERVED:
            via = yield from self.mmio_fault(vcpu, gfn)
            if via == "retry":
                return None
        ordinary = via is None
        if ordinary and not (yield from self.ordinary_fault(vcpu, gfn, error)):
            return None
        yield "emulate"
        cached = self.cache_answers(vcpu, gfn)
        noted, vcpu.tried_again = vcpu.tried_again, None
        if ordinary and not cached and data is None and noted != address:
            vcpu.tried_again = address
            yield from self.locked("mmu_lock")  # to see whether a table is shadowed there
            return None
        if error & FETCH:
            return {"outcome": "fetch-from-mmio"}
        slot = None if cached else self.memslots_of(vcpu).visible(gfn)
        if slot is None or (slot.flags & READ_ONLY and data is not None):
            return {"outcome": "mmio", "via": via or "fault", "gpa": hex(address)}
        return {"outcome": "emulated", **self.reach(slot.host(gfn) + address % PAGE, size, data)}

    def mmio_fault(self, vcpu: Vcpu, gfn: int) -> Task:
        """A fault on an MMIO SPTE. Returns what answers it, "retry", or None if nothing does."""
        if self.cache_answers(vcpu, gfn):
            self.emit("cache.hit", vcpu=vcpu.id, gfn=hex(gfn))
            return "cache"
        entry = self.walk(vcpu, gfn)
        if entry is None or isinstance(entry, Leaf):
            return "retry"
        yield "spte.check"
        generation = self.memslots_of(vcpu).generation
        if self.numbers.in_flux(generation) or entry != generation & self.numbers.mask:
            return None
        yield from self.fill_cache(vcpu, gfn)
        return "spte"

    def ordinary_fault(self, vcpu: Vcpu, gfn: int, error: int) -> Task:
        """Returns whether the access is to be emulated; else the guest tries again."""
        entry = self.walk(vcpu, gfn)
        if error & PRESENT and isinstance(entry, Leaf) and entry.host_writable:
            entry.writable = True  # only dirty logging protected it
            return False
        slot = self.memslots_of(vcpu).visible(gfn)
        yield "slot.looked-up"
        if slot is not None and slot.flags & READ_ONLY and error & WRITE:
            return True
        if slot is None:
            yield from self.fill_cache(vcpu, gfn)
        return (yield from self.locked("mmu_lock", self.map(vcpu, gfn, slot)))

    def cache_answers(self, vcpu: Vcpu, gfn: int) -> bool:
        current = vcpu.cached_generation == self.memslots[0].generation
        return current and vcpu.cached_gfn == gfn != 0

    def fill_cache(self, vcpu: Vcpu, gfn: int) -> Task:
        yield "cache.fill"
        generation = self.memslots[0].generation
        if self.numbers.layer >= 3 and self.numbers.in_flux(generation):
            return
        vcpu.cached_gfn, vcpu.cached_generation = gfn, generation
        self.emit("cache.fill", vcpu=vcpu.id, gva="0x0", gfn=hex(gfn), generation=hex(generation))

    # Other steps

    def create_vcpu(self, step: Json) -> Json:
        self.vcpus.append(Vcpu(len(self.vcpus)))
        return {"vcpu": len(self.vcpus) - 1}

    def enter_smm(self, step: Json) -> Task:
        vcpu = self.vcpus[step["vcpu"]]
        if vcpu.root is not None:
            yield from self.reading(self.locked("mmu_lock"))
        vcpu.root, vcpu.smm = None, step["do"] == "enter_smm"
        return {}

    leave_smm = enter_smm

    def inject(self, step: Json) -> Json:
        self.memslots[step["as"]].generation = int(step["generation"], 16)
        return {}

    def probe(self, step: Json) -> Task:
        what, generation = step["what"], int(step.get("generation", "0x0"), 16)
        numbers = self.numbers
        if what == "encode_generation":
            if generation & (1 << numbers.width) - 1 & ~numbers.mask:
                self.emit("warn", where="generation_mmio_spte_mask")
            return {"raw": hex(numbers.encode(generation))}
        if what == "decode_generation":
            return {"generation": hex(numbers.decode(int(step["raw"], 16)))}
        if what == "memslots_updated_hook":
            return {"argument": numbers.hook_argument}
        yield from self.drop_if_wrapped(generation)
        return {}

    def snapshot(self, step: Json) -> Json:
        sets = [
            {
                "as": space,
                "generation": hex(memslots.generation),
                "in_flux": self.numbers.in_flux(memslots.generation),
                "slots": sorted(memslots.slots),
            }
            for space, memslots in enumerate(self.memslots)
        ]
        none: list[str] = []
        vcpus = [{"cache": self.show_cache(vcpu), "requests": none} for vcpu in self.vcpus]
        entries = [self.show_entry(place) for place in step.get("entries", [])]
        return {"memslots": sets, "vcpus": vcpus, "entries": entries}

    def show_cache(self, vcpu: Vcpu) -> Json | None:
        if vcpu.cached_gfn == 0:
            return None
        gfn, generation = vcpu.cached_gfn, vcpu.cached_generation
        matches = self.cache_answers(vcpu, gfn)
        return {"gva": "0x0", "gfn": hex(gfn), "generation": hex(generation), "matches": matches}

    def show_entry(self, place: Json) -> Json:
        gfn = int(place["gpa"], 16) // PAGE
        entry = self.walk(self.vcpus[place["vcpu"]], gfn)
        if entry is None:
            return {"kind": "none"}
        shown = {"gfn": hex(gfn), "level": 1}
        if isinstance(entry, Leaf):
            return {"kind": "leaf", **shown, "hva": hex(entry.hva), "writable": entry.writable}
        access = 0 if self.paging == "ept" else 6
        return {"kind": "mmio", **shown, "access": access, "generation": hex(entry)}


class Thread:
    """Performs steps one after the other, and can be stopped on the way."""

    def __init__(self, vm: Vm, steps: list[Json]) -> None:
        self.results: list[Json] = []
        self.ended = False
        self._stops = self._perform(vm, steps)
        self._ready: Callable[[], bool] | None = None

    def _perform(self, vm: Vm, steps: list[Json]) -> Iterator[Stop]:
        for step in steps:
            if f"operation:{step['do']}" not in CAPABILITIES:
                raise RpcError(-32602, f"operation {step['do']} is not offered")
            result = getattr(vm, step["do"])(step)
            self.results.append(result if isinstance(result, dict) else (yield from result))
        self.ended = True

    def can_go_on(self) -> bool:
        return not self.ended and (self._ready is None or self._ready())

    def advance(self, until: list[str]) -> str:
        """Goes on to one of these stops, or as far as it can: `blocked`, `end`."""
        while self.can_go_on():
            stop = next(self._stops, "end")
            self._ready = stop if callable(stop) else None
            if stop in until:
                return str(stop)
        return "end" if self.ended else "blocked"


def finish(threads: dict[str, Thread]) -> dict[str, list[Json]]:
    """Runs all threads to their ends, in order, each as far as it can go. Returns the results."""
    while not all(thread.ended for thread in threads.values()):
        able = [thread for thread in threads.values() if thread.can_go_on()]
        if not able:
            raise RpcError(-32000, "deadlock: every thread waits for another one")
        for thread in able:
            thread.advance([])
    return {name: thread.results for name, thread in threads.items()}


def run_threads(vm: Vm, step: Json) -> Json:
    threads = {name: Thread(vm, steps) for name, steps in step["threads"].items()}
    stops = []
    for item in step["schedule"]:
        for _ in range(item["nth"]):
            at = threads[item["run"]].advance(item["until"])
            if at not in item["until"] or at == "end":
                break
        stops.append({"run": item["run"], "at": at})
    return {"threads": finish(threads), "stops": stops}


class Session:
    """Answers requests, one after the other."""

    def __init__(self, layer: int) -> None:
        self.layer = layer
        self.over = False
        self.vm: Vm | None = None
        self.failure: RpcError | None = RpcError(-32600, "a step needs a VM: reset comes first")

    def initialize(self, params: Json) -> Json:
        if params["protocol"] != 1:
            raise RpcError(-32602, f"expected protocol 1, not {params['protocol']!r}")
        name = {"protocol": 1, "name": f"memslots.py --layer {self.layer}", "version": "1"}
        machine = {"address_spaces": 2, "physical_address_width": 40}
        facts = Numbers(self.layer).facts()
        return {**name, "capabilities": CAPABILITIES, "machine": machine, "facts": facts}

    def reset(self, params: Json) -> Json:
        self.vm, self.failure = Vm(self.layer, params["machine"], params["events"]), None
        return {}

    def step(self, params: Json) -> Json:
        if self.vm is None or self.failure is not None:
            raise self.failure or RpcError(-32603, "no VM")
        try:
            if params["do"] == "threads":
                result = run_threads(self.vm, params)
            else:
                (result,) = finish({"": Thread(self.vm, [params])})[""]
        except RpcError as failure:
            self.failure = failure
            raise
        events, self.vm.events = self.vm.events, []
        return {**result, "events": events} if events else result

    def shutdown(self, params: Json) -> Json:
        self.over = True
        return {}

    def answer(self, line: bytes) -> Json:
        """The response to a line of input."""
        request_id = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("method"), str):
                raise RpcError(-32600, "expected a request: an object with a method")
            request_id = request.get("id") if isinstance(request.get("id"), int) else None
            if request["method"] not in ("initialize", "reset", "step", "shutdown"):
                raise RpcError(-32601, f"there is no method {request['method']}")
            result = getattr(self, request["method"])(request.get("params", {}))
            return {"jsonrpc": "2.0", "id": request_id, "result": result}
        except RpcError as error:
            code, message = error.code, str(error)
        except ValueError as error:
            code, message = -32700 if request_id is None else -32602, str(error)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
            code, message = -32602, f"bad params: {type(error).__name__}: {error}"
        return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def main() -> None:
    parser = argparse.ArgumentParser(description="Speaks the protocol of kmc on stdin and stdout.")
    parser.add_argument("--layer", type=int, choices=range(9), default=8, help="layer to behave as")
    session = Session(parser.parse_args().layer)
    for line in sys.stdin.buffer:
        print(json.dumps(session.answer(line), separators=(",", ":")), flush=True)
        if session.over:
            break


if __name__ == "__main__":
    main()
