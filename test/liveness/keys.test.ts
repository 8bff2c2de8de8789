import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyFiles } from "../../controller-image/src/liveness/key-files";
import { INTRODUCE_MS, type KeySecret, keySecret, ROTATE_MS } from "../../controller-image/src/liveness/key-secret";
import { keyOf, type Keys, open, seal } from "../../controller-image/src/liveness/seal";
import { type KubeObject, RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { VirtualClock } from "../support/virtual-clock";

const NAMESPACE = "podpin-system";
const REF = { namespace: NAMESPACE, name: "podpin-heartbeat-keys" };
const HOUR = 3_600_000;

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

describe("the Secret of the keys", () => {
  let clock: VirtualClock;
  let server: MemoryServer;
  let made: number;
  const replicas: KeySecret[] = [];
  const lines: string[] = [];

  beforeEach(() => {
    clock = new VirtualClock();
    server = new MemoryServer({ clock });
    made = 0;
    lines.length = 0;
  });
  afterEach(() => replicas.splice(0).forEach((replica) => replica.stop()));

  const replica = (isLeading: () => boolean = () => true): KeySecret => {
    const kube = new MemoryKube(server, { clock });
    const log = (...line: readonly unknown[]): void => void lines.push(JSON.stringify(line));
    const newKey = (): Buffer => Buffer.alloc(32, ++made);
    const started = keySecret({ kube, clock, log, namespace: NAMESPACE, isLeading, newKey });
    replicas.push(started);
    return started;
  };
  const numbers = (keys: Keys | undefined) => keys && [keys.present.secret[0], keys.other?.secret[0]];
  const stored = () => server.get<Secret>(RESOURCES.secrets, REF);

  test("is made by the replica that leads, and read by every other one", async () => {
    const follower = replica(() => false);
    await clock.run(60_000);
    expect(follower.keys()).toBeUndefined();
    const leader = replica();
    await clock.run(6_000);
    expect([numbers(leader.keys()), numbers(follower.keys())]).toEqual([
      [1, undefined],
      [1, undefined],
    ]);
    expect(stored()).toMatchObject({ type: "Opaque", metadata: REF });
  });

  test("gets a new key every day, which is understood for a while before it is used", async () => {
    const leader = replica();
    const seen: unknown[] = [];
    for (let quarter = 0; quarter < (2 * ROTATE_MS + HOUR) / INTRODUCE_MS; quarter++) {
      await clock.run(INTRODUCE_MS);
      const now = numbers(leader.keys());
      if (JSON.stringify(seen.at(-1)) !== JSON.stringify(now)) seen.push(now);
    }
    expect(seen).toEqual([
      [1, undefined],
      [1, 2],
      [2, 1],
      [2, 3],
      [3, 2],
    ]);
  });

  test("is never two steps ahead of an agent that has it a quarter of an hour late", async () => {
    const leader = replica();
    const history: Keys[] = [];
    for (let minute = 0; minute < (3 * ROTATE_MS) / 60_000; minute++) {
      await clock.run(60_000);
      history.push(leader.keys()!);
      const late = history[Math.max(0, history.length - 1 - (INTRODUCE_MS / 60_000 - 1))]!;
      const now = leader.keys()!;
      // Before the first key is everywhere nobody answers yet.
      if (late === undefined) continue;
      for (const [speaker, listener] of [
        [now, late],
        [late, now],
      ] as const) {
        const said = seal({ type: "answer", node: "n", boot: 1, nonce: 1, echo: 1, reports: [] }, speaker.present);
        expect(open(said, listener)).toHaveProperty("message");
      }
    }
    expect(made).toBeGreaterThanOrEqual(3);
  });

  test("is not changed twice in a row by a leader whose clock is days ahead", async () => {
    const [first, second] = [true, false].map((leads) => ({ leads }));
    const one = replica(() => first!.leads);
    await clock.run(10_000);
    // What another clock would have written.
    const ahead = new Date(clock.wallTime() - 10 * ROTATE_MS).toISOString();
    const secret = stored()!;
    const annotations = { ...secret.metadata.annotations, "podpin.dev/changed-at": ahead };
    server.replace(RESOURCES.secrets, { ...secret, metadata: { ...secret.metadata, annotations } });
    const two = replica(() => second!.leads);
    [first!.leads, second!.leads] = [false, true];
    await clock.run(INTRODUCE_MS - 10_000);
    expect(numbers(two.keys())).toEqual([1, undefined]);
    await clock.run(20_000);
    expect(numbers(two.keys())).toEqual([1, 2]);
    await clock.run(INTRODUCE_MS - 20_000);
    expect(numbers(two.keys())).toEqual([1, 2]);
    await clock.run(HOUR);
    expect([numbers(one.keys()), numbers(two.keys())]).toEqual([
      [2, 1],
      [2, 1],
    ]);
  });

  test.each<[string, (secret: Secret) => void]>([
    ["deleted", () => server.delete(RESOURCES.secrets, REF)],
    ["emptied", (secret) => server.replace(RESOURCES.secrets, { ...secret, data: {} })],
    ["spoilt", (secret) => server.replace(RESOURCES.secrets, { ...secret, data: { present: "c2hvcnQ=" } })],
  ])("that was %s is made again with the keys that agents have", async (_, spoil) => {
    const leader = replica();
    await clock.run(10_000);
    spoil(stored()!);
    await clock.run(10_000);
    expect(numbers(leader.keys())).toEqual([1, undefined]);
    expect(stored()!.data).toMatchObject({ present: Buffer.alloc(32, 1).toString("base64") });
    expect(made).toBe(1);
  });

  test("is in no line of the log", async () => {
    replica();
    await clock.run(2 * ROTATE_MS);
    expect(lines.length).toBeGreaterThan(2);
    for (let key = 1; key <= made; key++) {
      const secret = Buffer.alloc(32, key);
      for (const form of ["base64", "hex", "latin1"] as const) {
        expect(lines.join("\n")).not.toContain(secret.toString(form).slice(0, 12));
      }
    }
  });
});

describe("the files of the keys", () => {
  let folder: string;
  let clock: VirtualClock;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "podpin-keys-"));
    clock = new VirtualClock();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** As the kubelet does: a folder of its own, and one link that is replaced. */
  const mount = (version: number, files: Readonly<Record<string, Buffer>>): void => {
    const place = join(folder, `..v${version}`);
    mkdirSync(place);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(place, name), bytes);
    symlinkSync(`..v${version}`, join(folder, "..tmp"));
    renameSync(join(folder, "..tmp"), join(folder, "..data"));
  };
  const key = (byte: number): Buffer => Buffer.alloc(32, byte);

  test("are read when they come, and again when they change", () => {
    const files = keyFiles(folder, clock, () => undefined);
    expect(files.keys()).toBeUndefined();
    mount(1, { present: key(1) });
    clock.advance(2_000);
    expect(files.keys()).toEqual({ present: keyOf(key(1)), other: undefined });
    mount(2, { present: key(1), other: key(2) });
    clock.advance(2_000);
    expect(files.keys()).toEqual({ present: keyOf(key(1)), other: keyOf(key(2)) });
    files.stop();
    expect(clock.pending).toBe(0);
  });

  test.each<[string, Readonly<Record<string, Buffer>>]>([
    ["nothing", {}],
    ["a key of the wrong length", { present: Buffer.alloc(31) }],
  ])("go on being used when %s takes their place", (_, after) => {
    mount(1, { present: key(1) });
    const files = keyFiles(folder, clock, () => undefined);
    mount(2, after);
    clock.advance(10_000);
    expect(files.keys()?.present).toEqual(keyOf(key(1)));
    files.stop();
  });
});
