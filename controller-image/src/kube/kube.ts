import type { KubeObject } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube, type Log, type Reflector, type ReflectorOptions } from "./api";
import { Client } from "./client";
import type { KubeConfig } from "./config";
import { ELECTION_TIMES, type LeaseApi } from "./election";
import { WatchReflector } from "./reflector";
import { Transport, type TransportOptions } from "./transport";

export interface KubeOptions {
  readonly config: KubeConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** `podpin-agent/0.1.0`; what comes before the slash names the writer in `managedFields`. */
  readonly userAgent: string;
  readonly onRequest?: TransportOptions["onRequest"];
}

/** The API server, over one connection for watches and one for requests. Connects when first needed. */
export function createKube(options: KubeOptions): Kube {
  return new HttpKube(options, new Transport(options));
}

/** Found out sooner than on other connections: a Lease is lost in two seconds. */
const LEASE_CONNECTION = { pingEveryMs: 1_000, pingTimeoutMs: 700, connectMs: 700 };

/** The API server for an {@link Election}: its own connection, short patience, and no second try behind its back. */
export function createLeaseApi(options: KubeOptions): LeaseApi & { close(): void } {
  const { clock, userAgent } = options;
  const transport = new Transport({ ...options, times: LEASE_CONNECTION });
  const timeoutMs = ELECTION_TIMES.attemptMs;
  const client = new Client({
    transport,
    clock,
    fieldManager: managerOf(userAgent),
    lane: "lease",
    timeoutMs,
    readAttempts: 1,
  });
  return Object.assign(client, { close: () => transport.close() });
}

const managerOf = (userAgent: string): string => userAgent.split("/")[0] ?? userAgent;

class HttpKube extends Client implements Kube {
  readonly #reflectors = new Set<{ stop(): void }>();
  #closed = false;

  constructor(
    private readonly context: KubeOptions,
    private readonly transport: Transport,
  ) {
    const { clock, userAgent } = context;
    super({ transport, clock, fieldManager: managerOf(userAgent) });
  }

  reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    if (this.#closed) throw new KubeError(0, "Closed", "the connection to the API server was closed");
    const { transport } = this;
    const { clock, log } = this.context;
    const onStop = (): void => void this.#reflectors.delete(reflector);
    const reflector = new WatchReflector<T>(options, { transport, clock, log, onStop });
    this.#reflectors.add(reflector);
    return reflector;
  }

  close(): void {
    this.#closed = true;
    for (const reflector of [...this.#reflectors]) reflector.stop();
    this.transport.close();
  }
}
