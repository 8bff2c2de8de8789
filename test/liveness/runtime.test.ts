// Watcher and agents as they run, sealed datagrams and all: on the virtual network, and on the real one.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { Metrics, systemClock } from "../../controller-image/src/kube/index";
import { decode } from "../../controller-image/src/liveness/message";
import { beat, type NodeHeart } from "../../controller-image/src/liveness/node-heart";
import { type NodeWatch, watchNodes } from "../../controller-image/src/liveness/node-watch";
import { keyOf, type Keys, seal } from "../../controller-image/src/liveness/seal";
import type { Verdict } from "../../controller-image/src/liveness/watcher";
import { type OpenWire, randomNonce, udpWire } from "../../controller-image/src/liveness/wire";
import { HEARTBEAT_PORT } from "../../lib/model/runtime";
import { CONTROLLER, nodeAddress, nodeName, nonceFrom } from "./cluster";
import { type Host, VirtualNetwork } from "./virtual-network";

const key = (byte: number) => keyOf(Buffer.alloc(32, byte))!;
const quiet = (): void => undefined;

const wireOf =
  (host: Host<Buffer>): OpenWire =>
  (onDatagram) => {
    host.receive = (datagram, from) => onDatagram(datagram, { address: from, port: HEARTBEAT_PORT });
    return {
      send: (datagram, { address }) => host.send(address, datagram),
      afterArrived: (callback) => void host.clock.after(0.1, callback),
      knock: (address, onAnswer) => host.knock(address, onAnswer),
      close: quiet,
    };
  };

interface World {
  readonly network: VirtualNetwork<Buffer>;
  readonly hosts: readonly Host<Buffer>[];
  readonly controller: Host<Buffer>;
  readonly hearts: readonly NodeHeart[];
  readonly watch: NodeWatch;
  readonly verdicts: Verdict[];
  /** By node, and of the controller under its address. */
  readonly keys: Map<string, Keys | undefined>;
  readonly metrics: Metrics;
  readonly agentMetrics: readonly Metrics[];
}

function world(nodes: number, seed = 1): World {
  const network = new VirtualNetwork<Buffer>({ seed });
  const nonce = (): number => nonceFrom(network.random);
  const keys = new Map<string, Keys | undefined>();
  const agentMetrics: Metrics[] = [];
  const hosts = Array.from({ length: nodes }, (_, index) => network.host(nodeAddress(index)));
  const hearts = hosts.map((host, index) => {
    const metrics = new Metrics();
    agentMetrics.push(metrics);
    keys.set(nodeName(index), { present: key(1) });
    return beat({
      clock: host.clock,
      log: quiet,
      wire: wireOf(host),
      keys: () => keys.get(nodeName(index)),
      nodeName: nodeName(index),
      nonce,
      carrier: () => true,
      askApi: () => Promise.reject(new Error("no API server here")),
      metrics,
    });
  });
  const controller = network.host(CONTROLLER);
  keys.set(CONTROLLER, { present: key(1) });
  const verdicts: Verdict[] = [];
  const metrics = new Metrics();
  const watch = watchNodes({
    clock: controller.clock,
    wire: wireOf(controller),
    keys: () => keys.get(CONTROLLER),
    ownNode: nodeName(0),
    nonce,
    metrics,
    onVerdict: (verdict) => void verdicts.push(verdict),
  });
  watch.lead(true);
  watch.watch(hosts.map(({ address }, index) => ({ name: nodeName(index), address, owns: true })));
  network.run(3_000);
  return { network, hosts, controller, hearts, watch, verdicts, keys, metrics, agentMetrics };
}

const metric = (metrics: Metrics, line: string): number =>
  Number(new RegExp(`^${line.replace(/[{}]/g, "\\$&")} (.*)$`, "m").exec(metrics.text())?.[1] ?? NaN);

test("a node that loses power is lost, and found again when it answers", () => {
  const { network, hosts, verdicts, metrics } = world(4);
  expect(metric(metrics, 'podpin_nodes{state="answering"}')).toBe(4);
  hosts[2]!.off = true;
  network.run(700);
  expect(verdicts).toMatchObject([{ name: "node-2", lost: true }]);
  hosts[2]!.off = false;
  network.run(500);
  expect(verdicts).toMatchObject([{ lost: true }, { name: "node-2", lost: false, because: "same agent" }]);
});

test.each([
  ["hears nobody", true],
  ["hears all, and that nobody hears,", false],
])("a node that %s is isolated, and tells whoever wants to know", (_, deaf) => {
  const { network, hosts, hearts, agentMetrics } = world(4);
  const changes: boolean[] = [];
  const forget = hearts[3]!.onChange(() => changes.push(hearts[3]!.isolated()));
  network.cut = (from, to) => from === hosts[3]!.address || (deaf && to === hosts[3]!.address);
  network.run(2_000);
  expect([hearts[3]!.isolated(), hearts[1]!.isolated()]).toEqual([true, false]);
  expect(metric(agentMetrics[3]!, 'podpin_isolations_total{cause="silence"}')).toBe(1);
  expect(metric(agentMetrics[3]!, "podpin_isolated")).toBe(1);
  network.cut = () => false;
  network.run(1_000);
  expect(changes).toEqual([true, false]);
  forget();
});

test("keys change on one side after the other, in any order, without one heartbeat missed", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { network, keys, verdicts, hearts, metrics, agentMetrics } = world(4, seed);
    const steps: Keys[] = [
      { present: key(1), other: key(2) },
      { present: key(2), other: key(1) },
      { present: key(2), other: key(3) },
      { present: key(3), other: key(2) },
    ];
    for (const step of steps) {
      const order = [...keys.keys()].sort(() => network.random() - 0.5);
      for (const who of order) {
        keys.set(who, step);
        network.run(1_000 * network.random());
      }
    }
    expect(verdicts).toEqual([]);
    expect(hearts.some((heart) => heart.isolated())).toBe(false);
    for (const each of [metrics, ...agentMetrics]) {
      expect(metric(each, 'podpin_heartbeats_received_total{result="unknown_key"}')).toBeNaN();
    }
  }
});

test("a node whose agent has no keys yet does not answer, and is not lost for it", () => {
  const { network, keys, verdicts, metrics } = world(4);
  keys.set(nodeName(3), undefined);
  network.run(20_000);
  expect(verdicts).toEqual([]);
  expect(metric(metrics, 'podpin_nodes{state="agent_silent"}')).toBe(1);
});

test("forged, garbled and replayed datagrams are counted, and change nothing", () => {
  const { network, hosts, controller, verdicts, metrics, agentMetrics } = world(4);
  const recorded: { readonly to: string; readonly datagram: Buffer }[] = [];
  for (const host of [...hosts, controller]) {
    const send = host.send.bind(host);
    host.send = (to, datagram) => {
      recorded.push({ to, datagram });
      send(to, datagram);
    };
  }
  network.run(200);
  const attacker = network.host("10.66.6.6");
  let answers = 0;
  let bytes = 0;
  attacker.receive = (datagram) => {
    answers++;
    bytes += datagram.length;
  };
  const old = recorded.splice(0);
  let sentBytes = 0;
  const say = (to: string, datagram: Buffer): void => {
    sentBytes += datagram.length;
    attacker.send(to, datagram);
  };
  for (const { to, datagram } of old) {
    const flipped = Buffer.from(datagram);
    flipped[flipped.length - 1]! ^= 1;
    say(to, flipped);
    say(to, Buffer.from("not a heartbeat"));
  }
  const foreign = seal(decode(old[0]!.datagram.subarray(7, -16))!, key(9));
  say(old[0]!.to, foreign);
  network.run(100);
  expect(answers).toBe(0);
  // The recording of a probe is answered, but never with more bytes than it has.
  sentBytes = 0;
  for (const { to, datagram } of old) say(to, datagram);
  network.run(1_000);
  expect(answers).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(sentBytes);
  expect(metric(metrics, 'podpin_heartbeats_received_total{result="unexpected"}')).toBeGreaterThan(0);
  expect(metric(agentMetrics[1]!, 'podpin_heartbeats_received_total{result="not_authentic"}')).toBeGreaterThan(0);
  expect(metric(agentMetrics[1]!, 'podpin_heartbeats_received_total{result="malformed"}')).toBeGreaterThan(0);
  expect(verdicts).toEqual([]);
});

test("a recording of the controller keeps no node from finding itself isolated", () => {
  const { network, hosts, hearts, controller } = world(4);
  const recorded: Buffer[] = [];
  const send = controller.send.bind(controller);
  controller.send = (to, datagram) => {
    if (to === hosts[3]!.address) recorded.push(datagram);
    send(to, datagram);
  };
  network.run(10_000);
  const attacker = network.host("10.66.6.6");
  network.cut = (from, to) => [from, to].includes(hosts[3]!.address) && ![from, to].includes(attacker.address);
  for (let round = 0; round < 200; round++) {
    attacker.send(hosts[3]!.address, recorded[round % recorded.length]!);
    network.run(20);
  }
  expect(hearts[3]!.isolated()).toBe(true);
});

describe("on the real network", () => {
  const closers: (() => void)[] = [];
  afterEach(() => closers.splice(0).forEach((close) => close()));

  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test("controller and agent hear each other by UDP", async () => {
    const local = { address: "127.94.80.1", port: HEARTBEAT_PORT };
    const keys: Keys = { present: key(7) };
    const [metrics, agentMetrics] = [new Metrics(), new Metrics()];
    const parts = { clock: systemClock, log: quiet, nonce: randomNonce, keys: () => keys };
    const heart = beat({
      ...parts,
      wire: udpWire({ clock: systemClock, log: quiet, local }),
      nodeName: "real",
      carrier: () => undefined,
      askApi: () => Promise.resolve(),
      metrics: agentMetrics,
    });
    const watch = watchNodes({
      ...parts,
      wire: udpWire({ clock: systemClock, log: quiet }),
      ownNode: "other",
      metrics,
      onVerdict: quiet,
    });
    closers.push(heart.stop, watch.stop);
    watch.lead(true);
    watch.watch([{ name: "real", address: local.address, owns: true }]);
    await until(() => metric(metrics, 'podpin_nodes{state="answering"}') === 1);
    await until(() => metric(metrics, 'podpin_heartbeats_received_total{result="ok"}') > 20);
    expect(metric(agentMetrics, 'podpin_heartbeats_received_total{result="ok"}')).toBeGreaterThan(19);
  });

  test("a kernel answers a knock whether somebody listens or not, and a machine that is not there says nothing", async () => {
    const server = createServer().listen(0, "127.94.80.2");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const open = udpWire({ clock: systemClock, log: quiet, knockPort: port })(quiet);
    closers.push(
      () => open.close(),
      () => server.close(),
    );
    const answers: string[] = [];
    open.knock("127.94.80.2", () => answers.push("accepted"));
    open.knock("127.94.80.3", () => answers.push("refused"));
    await until(() => answers.length === 2);
    expect(answers.sort()).toEqual(["accepted", "refused"]);
  });

  test("a socket that cannot be opened is tried again until it can", async () => {
    const local = { address: "127.94.80.4", port: 0 };
    const blocker = createSocket("udp4");
    await new Promise<void>((resolve) => blocker.bind({ address: local.address, port: 0 }, resolve));
    const { port } = blocker.address();
    const lines: string[] = [];
    const heard: string[] = [];
    const wire = udpWire({
      clock: { ...systemClock, after: (ms, callback) => systemClock.after(Math.min(ms, 10), callback) },
      log: (_, line) => void lines.push(line),
      local: { ...local, port },
    })((datagram) => heard.push(datagram.toString()));
    closers.push(() => wire.close());
    await until(() => lines.length > 0);
    await new Promise<void>((resolve) => blocker.close(() => resolve()));
    await until(() => lines.length > 1);
    const other = udpWire({ clock: systemClock, log: quiet })(quiet);
    closers.push(() => other.close());
    await until(() => {
      other.send(Buffer.from("hello"), { address: local.address, port });
      return heard.length > 0;
    });
    expect(lines).toEqual(["the socket for heartbeats failed; another is opened", "the socket for heartbeats is open"]);
  });
});
