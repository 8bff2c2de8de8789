import fc from "fast-check";
import {
  type Answer,
  decode,
  encode,
  isPeer,
  MAX_BODY_BYTES,
  MAX_NODES,
  type Message,
  type Peer,
  type Probe,
} from "../../controller-image/src/liveness/message";
import { keyOf, type Keys, MAX_DATAGRAM_BYTES, open, seal } from "../../controller-image/src/liveness/seal";

const name = fc.oneof(
  fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/),
  fc.constant("n"),
  fc.constant("n".repeat(253)),
);
const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const peer: fc.Arbitrary<Peer> = fc.record({ name, address });
const nonce = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const probe: fc.Arbitrary<Probe> = fc.record({
  type: fc.constant("probe" as const),
  prober: fc.constantFrom("controller" as const, "agent" as const, "neighbour" as const),
  node: name,
  boot: nonce,
  nonce,
  echo: nonce,
  intervalMs: fc.integer({ min: 0, max: 65_535 }),
  list: fc.constantFrom("peers" as const, "asks" as const, "moved" as const),
  nodes: fc.array(peer, { maxLength: MAX_NODES }),
});
const report = fc.oneof(
  fc.record({ unanswered: octet }),
  fc.record({ unanswered: octet, heardAgoMs: fc.integer({ min: 0, max: 65_534 }) }),
);
const answer: fc.Arbitrary<Answer> = fc.record({
  type: fc.constant("answer" as const),
  node: name,
  boot: nonce,
  nonce,
  echo: nonce,
  reports: fc.array(report, { maxLength: MAX_NODES }),
});
const message: fc.Arbitrary<Message> = fc.oneof(probe, answer);

const key = (byte: number) => keyOf(Buffer.alloc(32, byte))!;
const keys: Keys = { present: key(1), other: key(2) };

test("what is encoded is read back as it was", () => {
  fc.assert(fc.property(message, (said) => expect(decode(encode(said))).toEqual(said)));
});

test("whatever arrives is a message that could have been sent, or nothing", () => {
  const mutated = fc.tuple(message, fc.nat(), octet).map(([said, at, byte]) => {
    const bytes = encode(said);
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const cut = fc.tuple(message, fc.nat()).map(([said, length]) => {
    const bytes = encode(said);
    return bytes.subarray(0, length % (bytes.length + 1));
  });
  const noise = fc.uint8Array({ maxLength: MAX_BODY_BYTES + 10 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, cut, noise), (bytes) => {
      const read = decode(bytes);
      if (read === undefined) return;
      expect(encode(read)).toEqual(bytes);
      if (read.type === "probe") expect(read.nodes.every(isPeer)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("an answer to each question of a probe is never longer than the probe", () => {
  fc.assert(
    fc.property(probe, (asked) => {
      const reports = asked.nodes.map(() => ({ unanswered: 255, heardAgoMs: 1 }));
      const said: Answer = { type: "answer", node: asked.node, boot: 1, nonce: 1, echo: asked.nonce, reports };
      expect(seal(said, keys.present).length).toBeLessThanOrEqual(seal(asked, keys.present).length);
    }),
  );
});

test("the largest datagram fits into one frame of Ethernet", () => {
  expect(MAX_DATAGRAM_BYTES).toBeLessThanOrEqual(1500 - 20 - 8);
});

test.each([
  ["a name with capitals", { node: "Node" }],
  ["no name", { node: "" }],
  ["an address that is none", { nodes: [{ name: "n", address: "10.0.0" }] }],
  ["more nodes than may be named", { nodes: Array(MAX_NODES + 1).fill({ name: "n", address: "10.0.0.1" }) }],
])("nothing is sent with %s", (_, wrong) => {
  const right: Probe = {
    type: "probe",
    prober: "agent",
    node: "n",
    boot: 1,
    nonce: 2,
    echo: 0,
    intervalMs: 0,
    list: "peers",
    nodes: [],
  };
  expect(() => encode({ ...right, ...wrong } as Probe)).toThrow();
});

describe("a sealed datagram", () => {
  const said: Message = { type: "answer", node: "n", boot: 1, nonce: 2, echo: 3, reports: [] };

  test.each(["present", "other"] as const)("is understood with the %s key, and tells which it was", (which) => {
    expect(open(seal(said, keys[which]!), keys)).toEqual({ message: said, key: keys[which] });
  });

  test("is refused with a key that is not known", () => {
    expect(open(seal(said, key(3)), keys)).toEqual({ refused: "unknown key" });
  });

  test("is refused when a single bit of it differs", () => {
    const datagram = seal(said, keys.present);
    for (let bit = 0; bit < 8 * datagram.length; bit++) {
      const forged = Buffer.from(datagram);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(open(forged, keys)).toHaveProperty("refused");
    }
  });

  test("is refused when its head names one key and another sealed it", () => {
    const [one, two] = [seal(said, keys.present), seal(said, keys.other!)];
    expect(open(Buffer.concat([one.subarray(0, 7), two.subarray(7)]), keys)).toEqual({ refused: "not authentic" });
  });

  test("is refused when it is cut, lengthened or made of noise", () => {
    const datagram = seal(said, keys.present);
    for (let length = 0; length < datagram.length; length++) {
      expect(open(datagram.subarray(0, length), keys)).toHaveProperty("refused");
    }
    expect(open(Buffer.concat([datagram, Buffer.alloc(1)]), keys)).toHaveProperty("refused");
    expect(open(Buffer.alloc(MAX_DATAGRAM_BYTES + 1), keys)).toEqual({ refused: "malformed" });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(open(Buffer.from(noise), keys)).toHaveProperty("refused");
      }),
    );
  });

  test("a key has 32 bytes, and its name tells nothing of them", () => {
    expect(keyOf(Buffer.alloc(31))).toBeUndefined();
    expect(key(1).id).not.toBe(key(2).id);
    expect(Buffer.alloc(32, 1).includes(seal(said, key(1)).subarray(3, 7))).toBe(false);
  });
});
