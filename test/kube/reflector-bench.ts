// A reflector on a bench, for one test: sockets are real, time is not. Nothing happens because time passed, unless the test lets it
// pass.
import type { Change, LogLevel, ReflectorOptions } from "../../controller-image/src/kube/api";
import { WatchReflector } from "../../controller-image/src/kube/reflector";
import { Transport } from "../../controller-image/src/kube/transport";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { FakeApiServer, until } from "../support/fake-api-server";
import { VirtualClock } from "../support/virtual-clock";

export type Named = KubeObject & { readonly data?: string };

export const object = (name: string, resourceVersion: string, more: object = {}): Named => ({
  metadata: { namespace: "edge", name, resourceVersion, uid: `uid-${name}`, ...more },
});

const NEVER_PING = { pingEveryMs: 1e9, pingTimeoutMs: 1e9 };

export class ReflectorBench {
  readonly clock = new VirtualClock();
  /** What was told, as text. */
  readonly seen: string[] = [];
  readonly changes: Change<Named>[] = [];
  readonly logged: [LogLevel, string, Readonly<Record<string, unknown>> | undefined][] = [];
  /** What is to be ended with the bench, the last first. */
  readonly stops: (() => Promise<void> | void)[] = [];

  private constructor(readonly server: FakeApiServer) {
    this.stops.push(() => server.stop());
  }

  static async start(): Promise<ReflectorBench> {
    return new ReflectorBench(await FakeApiServer.start());
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.reverse()) await stop();
  }

  reflect(options: Partial<ReflectorOptions<Named>> = {}, url = this.server.url, times: object = NEVER_PING) {
    const { clock } = this;
    const config = { server: url, token: "test-token" };
    const transport = new Transport({ config, clock, userAgent: "podpin-test/0", times });
    const reflector = new WatchReflector<Named>(
      {
        resource: RESOURCES.configMaps,
        onChange: (change) => {
          this.changes.push(change);
          const { resourceVersion } = change.type === "set" ? change.object.metadata : change.old.metadata;
          this.seen.push(`${change.type} ${change.key}@${resourceVersion}`);
        },
        onSynced: () => this.seen.push("synced"),
        ...options,
      },
      { transport, clock, log: (...line) => this.logged.push([line[0], line[1], line[2]]) },
    );
    this.stops.push(() => {
      reflector.stop();
      transport.close();
    });
    return reflector;
  }

  /** Waits until the reflector waits at most that long, moves time to the end of the wait, and answers how long it was. */
  async skipWait(longestMs = 3_200): Promise<number> {
    const { clock } = this;
    // 15 s and 60 s are the time that a watch and a list have to answer.
    const isAsking = (): boolean => clock.waits.some((ms) => ms === 15_000 || ms === 60_000);
    await until("a wait", () => !isAsking() && clock.waits.some((ms) => ms <= longestMs));
    const [ms = 0] = clock.waits;
    clock.advance(ms);
    return ms;
  }

  /** A watch may take 15 s to begin; that it has begun shows in that nothing waits for it any more. */
  isOpen(): Promise<void> {
    return until("the watch is open", () => !this.clock.waits.includes(15_000));
  }

  /** Starts a reflector that has listed `items` at version 10 and watches. */
  async watching(items: readonly unknown[] = [object("a", "5")], options: Partial<ReflectorOptions<Named>> = {}) {
    const reflector = this.reflect(options);
    (await this.server.nextList()).list("10", items);
    const watch = (await this.server.nextWatch()).open();
    await this.isOpen();
    this.seen.splice(0);
    return { reflector, watch };
  }

  async saw(...expected: string[]): Promise<void> {
    await until(expected.join(", "), () => this.seen.length >= expected.length);
    expect(this.seen).toEqual(expected);
    this.seen.splice(0);
  }
}
