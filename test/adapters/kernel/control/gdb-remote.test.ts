import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import {
  GdbRemote,
  StubIsSilent,
  StubRefusal,
} from "../../../../src/adapters/kernel/control/gdb-remote.ts";
import { framed, PacketReader } from "../../../../src/adapters/kernel/control/gdb-packets.ts";

/** What a stub says by itself as somebody connects, and to each packet; null: nothing. */
interface Script {
  readonly first?: readonly string[];
  readonly answers: Readonly<Record<string, string | readonly string[] | null>>;
}

const REGISTERS = `<!-- <reg name="gone" bitsize="64"/> -->
  <reg name="rax" bitsize="64" regnum="0"/><reg name="rip" bitsize="64" regnum="16"/>
  <reg bitsize="32" name="eflags"/>`;

const GREETING: Script["answers"] = {
  "?": "T02thread:01;",
  "qSupported:multiprocess+;vContSupported+;xmlRegisters=i386":
    "PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+",
  "qXfer:features:read:target.xml:0,800": 'l<target><xi:include href="64.xml"/></target>',
  "qXfer:features:read:64.xml:0,800": `m${REGISTERS.slice(0, 30)}`,
  "qXfer:features:read:64.xml:1e,800": `l${REGISTERS.slice(30)}`,
  qfThreadInfo: "mp01.01,p01.02",
  qsThreadInfo: "l",
  "Hgp01.01": "OK",
  "Hgp01.02": "OK",
};

/** A stub that says what a script has for each packet; `heard` is all that came, as it came. */
class FakeStub {
  readonly heard: string[] = [];
  readonly stream: Duplex;
  #toClient: (bytes: string) => void = () => undefined;

  constructor({ first = ["T02thread:01;"], answers }: Script) {
    const reader = new PacketReader();
    this.stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        const text = chunk.toString("latin1");
        if (text === "\x03" || text === "-") this.#answer(text, answers);
        for (const incoming of reader.read(text)) {
          if (incoming.kind === "packet") this.#answer(incoming.text, answers);
        }
        done();
      },
    });
    this.#toClient = (bytes) => this.stream.push(Buffer.from(bytes, "latin1"));
    for (const text of first) this.says(text);
  }

  says(text: string): void {
    this.#toClient(framed(text));
  }

  saysBytes(bytes: string): void {
    this.#toClient(bytes);
  }

  #answer(text: string, answers: Script["answers"]): void {
    this.heard.push(text);
    const answer = answers[text];
    if (answer === undefined) this.says("");
    else if (answer !== null)
      for (const each of [answer].flat()) this.saysBytes(`+${bytesOf(each)}`);
  }
}

const bytesOf = (text: string): string => (text.startsWith("$") ? text : framed(text));

const talk = async (answers: Script["answers"], script: Omit<Script, "answers"> = {}) => {
  const fake = new FakeStub({ ...script, answers: { ...GREETING, ...answers } });
  const stub = await GdbRemote.over(fake.stream, { patience: 200 });
  fake.heard.length = 0;
  return { fake, stub };
};

test("the first stop is told twice, and is no stop of later; CPUs and registers are asked", async () => {
  const { fake, stub } = await talk({
    "vCont;c": null,
    "m1000,2": "0102",
    p10: "3412000000000000",
    p11: "46020000",
  });
  expect(stub.threads).toEqual(["p01.01", "p01.02"]);
  stub.resume();
  fake.says("T05thread:p01.02;");
  expect(await stub.stopped()).toEqual({ signal: 5, thread: "p01.02", watched: null });
  expect(await stub.readRegister("p01.02", "rip")).toBe(0x1234n);
  expect(await stub.readRegister("p01.02", "eflags")).toBe(0x246n);
  await expect(stub.readRegister("p01.02", "gone")).rejects.toThrow(
    "QEMU's gdb stub knows no register gone",
  );
});

test("a stop that came before anybody has asked is not lost, and told once", async () => {
  const { fake, stub } = await talk({ "\x03": "T02thread:p01.01;" });
  fake.says("T05thread:p01.02;watch:ffff888003a40008;");
  await new Promise(setImmediate);
  const first = await stub.stopped();
  expect(first).toEqual({ signal: 5, thread: "p01.02", watched: 0xffff_8880_03a4_0008n });
  expect((await stub.interrupt()).signal).toBe(2);
});

test("CPUs are let run by name, points are set and taken away", async () => {
  const { fake, stub } = await talk({
    "vCont;c:p01.01;c:p01.02": null,
    "vCont;s:p01.02": "T05thread:p01.02;",
    "Z1,ffffffffc0000010,1": "OK",
    "Z2,ffff888000000020,8": "OK",
    "z1,ffffffffc0000010,1": "OK",
    "z2,ffff888000000020,8": "E22",
  });
  await stub.insert("execution", 0xffff_ffff_c000_0010n);
  await stub.insert("write", 0xffff_8880_0000_0020n, 8);
  stub.resume(["p01.01", "p01.02"]);
  fake.says("T05thread:p01.01;");
  await stub.stopped();
  expect((await stub.step("p01.02")).thread).toBe("p01.02");
  await stub.remove("execution", 0xffff_ffff_c000_0010n);
  await expect(stub.remove("write", 0xffff_8880_0000_0020n, 8)).rejects.toThrow(
    `QEMU's gdb stub answers "E22" to z2,ffff888000000020,8`,
  );
  expect(fake.heard).toContain("vCont;c:p01.01;c:p01.02");
});

test("memory and registers are read and written as a CPU sees them, low byte first", async () => {
  const long = "ab".repeat(1024);
  const { fake, stub } = await talk({
    "m2000,400": long,
    "m2400,1": "cd",
    "M2000,8:0200000000000080": "OK",
    "P0=efbeadde00000000": "OK",
    "m9000,8": "E14",
  });
  const bytes = await stub.readMemory("p01.01", 0x2000n, 1025);
  expect(bytes.toString("hex")).toBe(`${long}cd`);
  await stub.writeWord("p01.01", 0x2000n, 0x8000_0000_0000_0002n);
  await stub.writeRegister("p01.02", "rax", 0xdead_beefn);
  await expect(stub.readWord("p01.02", 0x9000n)).rejects.toThrow(
    `QEMU's gdb stub answers "E14" to reading 8 bytes at 0x9000`,
  );
  const selections = fake.heard.filter((text) => text.startsWith("H"));
  expect(selections).toEqual(["Hgp01.01", "Hgp01.02"]);
});

test("after a stop the stub may speak of another CPU: it is told again which one is meant", async () => {
  const { fake, stub } = await talk({ "m10,1": "01", "vCont;s:p01.01": "T05thread:p01.01;" });
  await stub.readMemory("p01.01", 0x10n, 1);
  await stub.step("p01.01");
  await stub.readMemory("p01.01", 0x10n, 1);
  expect(fake.heard.filter((text) => text === "Hgp01.01")).toHaveLength(2);
});

test("questions that are asked at once are answered one after the other", async () => {
  const { stub } = await talk({ "m10,1": "01", "m20,1": "02" });
  const both = [0x10n, 0x20n].map((address) => stub.readMemory("p01.01", address, 1));
  expect((await Promise.all(both)).map((bytes) => bytes[0])).toEqual([1, 2]);
});

test("a packet that arrives broken is asked for again; one that the stub got broken is sent again", async () => {
  const { fake, stub } = await talk({ "m10,1": "$01#00", "-": "01", "m20,1": null });
  expect((await stub.readMemory("p01.01", 0x10n, 1))[0]).toBe(1);
  expect(fake.heard).toEqual(["Hgp01.01", "m10,1", "-"]);
  const read = stub.readMemory("p01.01", 0x20n, 1);
  await new Promise(setImmediate);
  fake.saysBytes("-");
  await new Promise(setImmediate);
  expect(fake.heard.filter((text) => text === "m20,1")).toHaveLength(2);
  fake.says("02");
  expect((await read)[0]).toBe(2);
});

test("a CPU that cannot be let run is told to who waits for its stop, now or later", async () => {
  const { stub } = await talk({ "vCont;c:p01.07": "E22" });
  const message = `QEMU's gdb stub answers "E22" to letting CPUs run`;
  stub.resume(["p01.07"]);
  await new Promise(setImmediate);
  await expect(stub.stopped()).rejects.toThrow(message);
  stub.resume(["p01.07"]);
  const stopped = stub.stopped();
  await expect(stopped).rejects.toThrow(message);
  await expect(stopped).rejects.toBeInstanceOf(StubRefusal);
});

test("a stub that says nothing is given up, with what it was asked; nothing waits any more", async () => {
  const { stub } = await talk({ "m10,1": null });
  const message = "QEMU's gdb stub does not answer to m10,1 within 0.2 seconds";
  const waiting = expect(stub.stopped()).rejects.toBeInstanceOf(StubIsSilent);
  const later = expect(stub.readMemory("p01.01", 0x20n, 1)).rejects.toThrow();
  await expect(stub.readMemory("p01.01", 0x10n, 1)).rejects.toThrow(message);
  await waiting;
  await later;
  await expect(stub.interrupt()).rejects.toThrow(message);
});

test("a conversation that is closed is no silence to be waited for", async () => {
  const { fake, stub } = await talk({});
  const stopped = stub.stopped();
  fake.stream.destroy();
  await expect(stopped).rejects.toThrow("QEMU's gdb stub has closed the conversation");
});

test("a stub without a description of registers is no use", async () => {
  const question = "qSupported:multiprocess+;vContSupported+;xmlRegisters=i386";
  await expect(talk({ [question]: "PacketSize=1000" })).rejects.toThrow(
    "QEMU's gdb stub does not say what registers there are",
  );
});

test("packets in pieces, escaped, run-length encoded, with what is none between them", () => {
  const reader = new PacketReader();
  const read = (text: string) => [...reader.read(text)];
  expect(framed("m#1")).toBe("$m}\x031#1e");
  expect(read("+$m}")).toEqual([{ kind: "acknowledged" }]);
  expect(read("\x031#1")).toEqual([]);
  expect(read("e$0* #7azz-")).toEqual([
    { kind: "packet", text: "m#1" },
    { kind: "packet", text: "0000" },
    { kind: "again" },
  ]);
  expect(read("$OK#9b")).toEqual([{ kind: "broken" }]);
});
