import type { Peer, Probe } from "../../controller-image/src/liveness/message";
import { Responder } from "../../controller-image/src/liveness/responder";

let next: number;
let responder: Responder;
beforeEach(() => {
  next = 1_000;
  responder = new Responder({ nodeName: "n1", boot: 7, nonce: () => ++next });
});

const SUSPECT: Peer = { name: "n2", address: "10.0.0.2" };
const probe = (more: Partial<Probe> = {}): Probe => ({
  type: "probe",
  prober: "controller",
  node: "n1",
  boot: 1,
  nonce: 5,
  echo: 0,
  intervalMs: 40,
  list: "peers",
  nodes: [],
  ...more,
});
/** Asks about the suspect as a controller does that hears this node. */
const ask = (now: number) => {
  const echo = responder.probed(probe(), now).answer!.nonce;
  return responder.probed(probe({ echo, list: "asks", nodes: [SUSPECT] }), now);
};

test("answers for its own node alone: another one had its address before", () => {
  expect(responder.probed(probe({ node: "n9" }), 0).answer).toBeUndefined();
  expect(responder.probed(probe(), 0).answer).toMatchObject({ node: "n1", boot: 7, echo: 5, reports: [] });
});

test("takes a probe for contact, and follows what it asks, only when it repeats what the last answers asked for", () => {
  expect(responder.probed(probe(), 0).controller).toBeUndefined();
  const orders = probe({ echo: 12_345, list: "asks", nodes: [SUSPECT] });
  expect(responder.probed(orders, 10)).toMatchObject({ controller: undefined, probes: [], knock: [] });
  expect(ask(20)).toMatchObject({ controller: { neighbour: false }, probes: [{ to: SUSPECT }], knock: [SUSPECT] });
});

test("believes a controller that hears it, and nobody else, that addresses have moved", () => {
  const moved = { list: "moved" as const, nodes: [{ name: "n2", address: "198.51.100.7" }] };
  expect(responder.probed(probe({ ...moved, echo: 12_345 }), 0).moved).toBeUndefined();
  const echo = responder.probed(probe(), 10).answer!.nonce;
  expect(responder.probed(probe({ ...moved, echo, prober: "agent" }), 20).moved).toBeUndefined();
  expect(responder.probed(probe({ ...moved, echo }), 20)).toMatchObject({
    answer: { reports: [] },
    probes: [],
    knock: [],
    moved: ["198.51.100.7"],
  });
});

test("does not take a number that it asked for long ago for fresh", () => {
  const echo = responder.probed(probe(), 0).answer!.nonce;
  expect(responder.probed(probe({ echo }), 1_080).controller).toBeDefined();
  expect(responder.probed(probe({ echo }), 1_081).controller).toBeUndefined();
  expect(responder.probed(probe({ echo, intervalMs: 50_000 }), 100_000).controller).toBeDefined();
});

test("tells from which answer on nothing is known to have been heard, whatever it has said meanwhile", () => {
  const echo = responder.probed(probe(), 100.7).answer!.nonce;
  for (const now of [110.2, 120.1]) responder.probed(probe(), now);
  for (const now of [130.4, 140.9]) {
    expect(responder.probed(probe({ echo }), now).controller).toMatchObject({ from: 1, provenAt: 100 });
  }
});

test("takes no number for its own that none of its answers can have asked for", () => {
  const echo = responder.probed(probe(), 100).answer!.nonce;
  // Of an answer still to come, and of another process of this node.
  expect(responder.probed(probe({ echo: echo + 1 }), 100).controller).toBeUndefined();
  const other = new Responder({ nodeName: "n1", boot: 8, nonce: () => 2 ** 48 - 50 });
  expect(other.probed(probe({ echo }), 200).controller).toBeUndefined();
  // The numbers of that one begin anew meanwhile, and 0 is none.
  const late = other.probed(probe(), 10).answer!.nonce;
  expect(other.probed(probe({ echo: late }), 60).controller).toMatchObject({ provenAt: 10 });
  expect(other.probed(probe({ echo: 0 }), 60).controller).toBeUndefined();
});

test("an agent is answered, and is no controller", () => {
  const echo = responder.probed(probe(), 0).answer!.nonce;
  const reaction = responder.probed(probe({ prober: "agent", echo }), 1);
  expect([reaction.answer?.echo, reaction.controller]).toEqual([5, undefined]);
});

test("counts each probe of a suspect that stays without an answer, and forgets them when one comes", () => {
  const reports = [0, 40, 80, 120].map((now) => ask(now).answer!.reports[0]);
  expect(reports).toEqual([0, 1, 2, 3].map((unanswered) => ({ unanswered })));
  const last = ask(160).probes[0]!.probe;
  responder.answered({ type: "answer", node: "n2", boot: 3, nonce: 1, echo: last.nonce, reports: [] }, 161);
  expect(ask(200).answer!.reports).toEqual([{ unanswered: 0, heardAgoMs: 39 }]);
});

test("questions that waited while this process slept are one question: the suspect had no time to answer each", () => {
  ask(0);
  const slept = Array.from({ length: 10 }, () => ask(500));
  expect(slept.flatMap(({ probes }) => probes)).toHaveLength(1);
  expect(slept.at(-1)!.answer!.reports).toEqual([{ unanswered: 2 }]);
});

test("an answer to nobody's question, of the wrong node, or too late is no sign of life", () => {
  const { nonce } = ask(0).probes[0]!.probe;
  const answer = { type: "answer" as const, node: "n2", boot: 3, nonce: 1, echo: nonce, reports: [] };
  expect(responder.answered({ ...answer, echo: 99 }, 1).peer).toBeUndefined();
  expect(responder.answered({ ...answer, node: "n3" }, 1).peer).toBeUndefined();
  expect(responder.answered(answer, 5_000).peer).toBeUndefined();
  expect(responder.answered(answer, 5_001).peer).toBeUndefined();
});

test("forgets a suspect that it is no longer asked about", () => {
  for (const now of [0, 40, 80]) ask(now);
  expect(ask(10_000).answer!.reports).toEqual([{ unanswered: 0 }]);
});
