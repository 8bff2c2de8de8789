// What must come of every way to or from an address, as data: 26 questions, and what the other end sees.
import { Delivery } from "../../lib/model/binding";
import type { Question } from "./peer";

/** Whom the other end may see. `owner` is the Pod's own address, `pip` the persistent one. */
export type Seen =
  "client" | "outside" | "node" | "other node" | "owner" | "pip" | "sibling" | "bridge sibling" | "remote";
export type Answer = Seen | "ok" | "none" | `at most ${number}`;

/** Where a question is asked. */
export type Place = "client" | "outside" | "node" | "other node" | "remote" | "sibling" | "bridge sibling" | "owner";

/** What a question is asked about. */
export interface Target {
  readonly pip: string;
  /** The address that the owner binds where the question is about its own connections; nothing for nat. */
  readonly source?: string;
  readonly client: string;
  readonly outside: string;
  /** Services with one endpoint, on this node and on the other. */
  readonly localService: string;
  readonly remoteService: string;
}

export interface Row {
  readonly title: string;
  readonly place: Place;
  readonly question: (target: Target) => Question;
  readonly expected: Readonly<Record<Delivery, Answer>>;
}

const always = (answer: Answer): Row["expected"] => ({ app: answer, interface: answer, nat: answer });

/** Delivery `app` and `interface` are the same to the node; `nat` is not. */
const either = (held: Answer, nat: Answer): Row["expected"] => ({ app: held, interface: held, nat });

const inbound = (place: Place, title: string, question: (pip: string) => Question, answer: Answer): Row => ({
  title,
  place,
  question: ({ pip }) => question(pip),
  expected: always(answer),
});

const tcp = (to: string): Question => ({ task: "tcp", to });
const udp = (to: string): Question => ({ task: "udp", to });
const ping = (to: string): Question => ({ task: "ping", to });

export const ROWS: readonly Row[] = [
  inbound("client", "client → address, ICMP", ping, "ok"),
  inbound("client", "client → address, UDP", udp, "client"),
  inbound("client", "client → address, TCP", tcp, "client"),
  inbound("client", "client → address, ICMP of 4000 bytes", (to) => ({ task: "ping", to, size: 4000 }), "ok"),
  inbound("client", "client → address, UDP of 4000 bytes", (to) => ({ task: "udp", to, size: 4000 }), "client"),
  inbound("outside", "client behind a router → address, ICMP", ping, "ok"),
  inbound("outside", "client behind a router → address, UDP", udp, "outside"),
  inbound("outside", "client behind a router → address, TCP", tcp, "outside"),
  inbound("node", "the node itself → address, TCP", tcp, "node"),
  inbound("other node", "another node → address, TCP", tcp, "other node"),
  // Masqueraded by its node, as everything that leaves the cluster's ranges.
  inbound("remote", "Pod of another node → address, TCP", tcp, "other node"),
  inbound("sibling", "Pod of the node → address, TCP", tcp, "sibling"),
  inbound("sibling", "Pod of the node → address, UDP", udp, "sibling"),
  inbound("bridge sibling", "Pod on the node's bridge → address, TCP", tcp, "bridge sibling"),
  inbound("bridge sibling", "Pod on the node's bridge → address, UDP", udp, "bridge sibling"),
  inbound("owner", "the Pod → its own address, TCP", tcp, "pip"),
  {
    title: "the Pod → client, TCP",
    place: "owner",
    question: ({ client, source }) => ({ task: "tcp", to: client, from: source }),
    expected: always("pip"),
  },
  {
    title: "the Pod → client, UDP",
    place: "owner",
    question: ({ client, source }) => ({ task: "udp", to: client, from: source }),
    expected: always("pip"),
  },
  {
    title: "the Pod → client, ICMP",
    place: "owner",
    question: ({ client, source }) => ({ task: "ping", to: client, from: source }),
    expected: always("ok"),
  },
  {
    title: "the Pod → client behind a router, TCP",
    place: "owner",
    question: ({ outside, source }) => ({ task: "tcp", to: outside, from: source }),
    expected: always("pip"),
  },
  {
    title: "the Pod → Service with an endpoint on the node",
    place: "owner",
    question: ({ localService, source }) => ({ task: "tcp", to: localService, from: source }),
    expected: either("pip", "owner"),
  },
  {
    title: "the Pod → Service with an endpoint on another node",
    place: "owner",
    question: ({ remoteService, source }) => ({ task: "tcp", to: remoteService, from: source }),
    expected: either("pip", "owner"),
  },
  {
    title: "the Pod → client from no address in particular",
    place: "owner",
    question: ({ client }) => tcp(client),
    expected: either("node", "pip"),
  },
  {
    // The known limit of the two: the kernel answers with the address of its way to the client.
    title: "the address that a UDP server on 0.0.0.0 answers the client with",
    place: "client",
    question: ({ pip }) => ({ task: "wildcard", to: pip }),
    expected: either("node", "pip"),
  },
];

/** With a Pod interface of 1400 bytes. */
export const NARROW_ROWS: readonly Row[] = [
  inbound(
    "client",
    "client → address, ICMP of 1500 bytes that must not be fragmented",
    (to) => ({ task: "ping", to, size: 1472, whole: true }),
    "at most 1400",
  ),
  inbound("client", "client → address, 1 MB by TCP", (to) => ({ task: "bulk", to }), "ok"),
];

/** What is different with a tunnel between the nodes: other nodes would drop a source that is not behind the tunnel. */
export const OVERLAY_ROWS: readonly Row[] = ROWS.filter(({ place, title }) => {
  return place === "other node" || place === "remote" || title.includes("endpoint on another node");
}).map((row) => (row.place === "owner" ? { ...row, expected: either("node", "owner") } : row));
