// Whatever a server does short of lying, the copy comes to be the truth, and what `onChange` told adds up to the copy.
import type { Change } from "../../controller-image/src/kube/api";
import { WatchReflector } from "../../controller-image/src/kube/reflector";
import { Transport } from "../../controller-image/src/kube/transport";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { FakeApiServer, status, until, type FakeRequest } from "../support/fake-api-server";
import { settle, VirtualClock } from "../support/virtual-clock";

// Real connections: the machine may have other things to do.
jest.setTimeout(60_000);

interface Event {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** A collection with a history, served with faults that chance decides. */
class World {
  faults = true;
  readonly objects = new Map<string, KubeObject>();
  readonly watches = new Map<FakeRequest, number>();
  readonly counts: Record<string, number> = {};
  #version = 100;
  #oldest = 100;
  #uids = 0;
  #history: Event[] = [];

  constructor(private readonly chance: () => number) {}

  mutate(): void {
    const name = `object-${Math.floor(this.chance() * 12)}`;
    const present = this.objects.get(name);
    const resourceVersion = String(++this.#version);
    const uid = present?.metadata.uid ?? `uid-${++this.#uids}`;
    const object: KubeObject = { metadata: { namespace: "edge", name, uid, resourceVersion } };
    const isDelete = present !== undefined && this.chance() < 0.4;
    if (isDelete) this.objects.delete(name);
    else this.objects.set(name, object);
    const type = isDelete ? "DELETED" : present === undefined ? "ADDED" : "MODIFIED";
    this.#history.push({ version: this.#version, type, object });
    for (const watch of this.watches.keys()) this.#send(watch);
  }

  compact(): void {
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Something befalls a watch. */
  disturb(): void {
    const [watch] = this.watches.keys();
    if (watch === undefined) return;
    const acts: Record<string, () => void> = {
      end: () => watch.end(),
      break: () => watch.breakOff(),
      half: () => {
        watch.write('{"type":"MODIFIED","obj');
        watch.breakOff();
      },
      garbage: () => watch.write("garbage\n"),
      bookmark: () => watch.send("BOOKMARK", { metadata: { resourceVersion: String(this.watches.get(watch)) } }),
      error: () => {
        watch.send("ERROR", status(500, "InternalError"));
        watch.end();
      },
      expire: () => {
        watch.send("ERROR", status(410, "Expired"));
        watch.end();
      },
    };
    const names = Object.keys(acts);
    const name = names[Math.floor(this.chance() * names.length)] ?? "";
    this.#count(name);
    acts[name]?.();
    if (name !== "garbage" && name !== "bookmark") this.watches.delete(watch);
  }

  serve(request: FakeRequest): void {
    if (request.isGone) return;
    if (this.faults && this.chance() < 0.3) return this.#refuse(request);
    if (request.isWatch) this.#watch(request);
    else this.#list(request);
  }

  #refuse(request: FakeRequest): void {
    const kind = Math.floor(this.chance() * 5);
    this.#count(`refuse ${kind}`);
    if (kind === 0) return request.refuse(429, "TooManyRequests", { "retry-after": "1" });
    if (kind === 1) return request.refuse(500, "InternalError");
    if (kind === 2) return request.answer(503, "down\n");
    if (kind === 3) return request.breakOff();
    request.answer(200, "{ not json");
  }

  #list(request: FakeRequest): void {
    const token = request.parameter("continue");
    if (token !== null && this.faults && this.chance() < 0.3) return request.refuse(410, "Expired");
    const page = JSON.parse(token ?? "null") as { version: string; rest: KubeObject[] } | null;
    const rest = page?.rest ?? [...this.objects.values()];
    const version = page?.version ?? String(this.#version);
    const more = rest.length > 4 ? { continue: JSON.stringify({ version, rest: rest.slice(4) }) } : {};
    request.list(version, rest.slice(0, 4), more);
  }

  #watch(request: FakeRequest): void {
    const from = Number(request.parameter("resourceVersion"));
    if (from < this.#oldest) return request.refuse(410, "Expired");
    request.open();
    this.watches.set(request, from);
    request.stream.on("close", () => this.watches.delete(request));
    this.#send(request);
  }

  #send(watch: FakeRequest): void {
    for (const { version, type, object } of this.#history) {
      if (version <= (this.watches.get(watch) ?? 0)) continue;
      this.watches.set(watch, version);
      const line = Buffer.from(`${JSON.stringify({ type, object })}\n`);
      const cut = Math.floor(this.chance() * line.length);
      // In the place of the event: the copy is wrong until the next list.
      if (this.faults && this.chance() < 0.05) watch.write("garbage\n");
      else [line.subarray(0, cut), line.subarray(cut)].forEach((part) => watch.write(part));
    }
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

async function play(seed: number): Promise<Readonly<Record<string, number>>> {
  const chance = new VirtualClock({ seed });
  const random = (): number => chance.random();
  // Two clocks, so that waits between attempts can be told from the time that requests have.
  const clock = new VirtualClock({ seed: seed + 1 });
  const networkClock = new VirtualClock({ seed: seed + 2 });
  const server = await FakeApiServer.start();
  const world = new World(random);
  for (let index = 0; index < 8; index++) world.mutate();
  const mirror = new Map<string, string | undefined>();
  const wrong: string[] = [];
  const onChange = (change: Change<KubeObject>): void => {
    const held = mirror.get(change.key);
    if (held !== change.old?.metadata.uid) wrong.push(`${change.type} ${change.key}: old is not what was told before`);
    if (change.type === "set") mirror.set(change.key, change.object.metadata.uid);
    else mirror.delete(change.key);
  };
  const config = { server: server.url };
  const times = { pingEveryMs: 1e9, pingTimeoutMs: 1e9 };
  const transport = new Transport({ config, clock: networkClock, userAgent: "podpin-test/0", times });
  const context = { transport, clock, log: () => undefined };
  const reflector = new WatchReflector({ resource: RESOURCES.configMaps, onChange }, context);
  let served = 0;
  const turn = async (): Promise<void> => {
    await settle();
    for (; served < server.requests.length; served++) {
      const request = server.requests[served];
      if (request !== undefined) world.serve(request);
    }
    const wait = clock.untilNext ?? Number.POSITIVE_INFINITY;
    if (wait <= 30_000) clock.advance(wait);
    const reconnect = networkClock.untilNext ?? Number.POSITIVE_INFINITY;
    if (reconnect < 5_000) networkClock.advance(reconnect);
  };
  const copy = (): string[] => [...reflector.values()].map((object) => object.metadata.resourceVersion ?? "").sort();
  const truth = (): string[] => [...world.objects.values()].map((o) => o.metadata.resourceVersion ?? "").sort();
  const fault = (): string => `seed ${seed}`;
  try {
    for (let step = 0; step < 150; step++) {
      if (random() < 0.4) world.mutate();
      if (random() < 0.15) world.disturb();
      if (random() < 0.03) world.compact();
      for (let turns = Math.floor(random() * 6); turns > 0; turns--) await turn();
    }
    world.faults = false;
    // Ends every watch in due time, so that what garbage has hidden is listed.
    for (const watch of world.watches.keys()) watch.end();
    world.watches.clear();
    world.mutate();
    await until(`the truth, ${fault()}`, () => {
      void turn();
      return copy().join() === truth().join();
    });
    expect([fault(), wrong]).toEqual([fault(), []]);
    expect([...mirror.keys()].sort()).toEqual([...world.objects.values()].map((o) => `edge/${o.metadata.name}`).sort());
    expect(reflector.synced).toBe(true);
  } finally {
    reflector.stop();
    transport.close();
    await server.stop();
  }
  return world.counts;
}

test("every play of chance ends with the truth", async () => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= 40; seed++) {
    for (const [what, count] of Object.entries(await play(seed))) counts[what] = (counts[what] ?? 0) + count;
  }
  // A play without its faults would prove nothing.
  const faults = ["end", "break", "half", "garbage", "bookmark", "error", "expire", "refuse 0", "refuse 4"];
  for (const what of faults) expect([what, (counts[what] ?? 0) > 5]).toEqual([what, true]);
}, 60_000);
