// What every scenario of the reflector suite works with: one control plane for all of them, a client that changes the world,
// and clients under test.
import { readFileSync } from "node:fs";

import type { Change, Clock, Kube, Reflector, ReflectorOptions } from "../../../controller-image/src/kube/api";
import { systemClock } from "../../../controller-image/src/kube/clock";
import type { KubeConfig } from "../../../controller-image/src/kube/config";
import { createKube } from "../../../controller-image/src/kube/kube";
import { kubeconfigOf } from "../../../controller-image/src/kube/kubeconfig";
import type { RequestRecord } from "../../../controller-image/src/kube/transport";
import type { ControlPlane } from "../../../lab/cluster/control-plane";
import { RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import { until } from "../../support/fake-api-server";
import { FaultProxy, type Passing, type Treatment } from "../../support/fault-proxy";
import { loopbackControlPlane } from "../../support/control-plane";

/** A user without rights. */
export const VISITOR = "visitor";

export interface TestClient {
  readonly kube: Kube;
  readonly requests: RequestRecord[];
  readonly lists: () => number;
  /** How often the API server said that it no longer has the history since a version. */
  readonly expired: () => number;
}

export interface Followed<T extends KubeObject> {
  readonly reflector: Reflector<T>;
  readonly seen: string[];
  readonly changes: Change<T>[];
}

export type Map = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export const configMap = (namespace: string, name: string, text = ""): Map & { data: Record<string, string> } => ({
  metadata: { namespace, name },
  data: { text },
});

/** Time as it is, but whoever waits by chance waits shortly: many failures in a row shall not take a suite long. */
export const impatient: Clock = { ...systemClock, random: () => 0.05 };

export class Bench {
  /** What a test changes the world with, apart from the client under test. */
  admin!: Kube;
  cluster!: ControlPlane;
  config!: KubeConfig;
  readonly #open: Kube[] = [];
  readonly #proxies: FaultProxy[] = [];
  #spaces = 0;

  async start(): Promise<void> {
    this.cluster = await loopbackControlPlane({ users: [{ name: VISITOR }] });
    this.config = kubeconfigOf(JSON.parse(readFileSync(this.cluster.kubeconfig, "utf8")));
    this.admin = createKube({
      config: this.config,
      clock: systemClock,
      log: () => undefined,
      userAgent: "podpin-test/0",
    });
  }

  /** After each test. */
  async tidy(): Promise<void> {
    for (const kube of this.#open.splice(0)) kube.close();
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.stop()));
  }

  async stop(): Promise<void> {
    this.admin?.close();
    await this.cluster?.stop();
  }

  /** A client of its own, with what it asked for. */
  client(more: Partial<KubeConfig> = {}, clock: Clock = systemClock): TestClient {
    const requests: RequestRecord[] = [];
    let expired = 0;
    const kube = createKube({
      config: { ...this.config, ...more },
      clock,
      log: (_level, message) => void (message === "version expired, listing again" && expired++),
      userAgent: "podpin-test/0",
      onRequest: (record) => requests.push(record),
    });
    this.#open.push(kube);
    // With a limit of one it is the question whether the server still has what it told, some time after a watch broke off.
    const lists = (): number => requests.filter(({ path }) => /[?&]limit=(?!1(&|$))/.test(path)).length;
    return { kube, requests, lists, expired: () => expired };
  }

  /** A proxy in front of the API server, and an impatient client behind it. */
  async behindProxy(
    treat: (passing: Passing) => Treatment | undefined = () => undefined,
    more: Partial<KubeConfig> = {},
  ): Promise<TestClient & { readonly proxy: FaultProxy }> {
    const proxy = await FaultProxy.to(this.config.server, this.cluster.ca);
    proxy.treat = treat;
    this.#proxies.push(proxy);
    return { ...this.client({ server: proxy.url, ...more }, impatient), proxy };
  }

  /** Does not wait for the first list. */
  begin<T extends KubeObject>(kube: Kube, options: Omit<ReflectorOptions<T>, "onChange">): Followed<T> {
    const seen: string[] = [];
    const changes: Change<T>[] = [];
    const onChange = (change: Change<T>): void => {
      changes.push(change);
      seen.push(`${change.type} ${change.key}`);
    };
    return { seen, changes, reflector: kube.reflect<T>({ ...options, onChange }) };
  }

  async follow<T extends KubeObject>(kube: Kube, options: Omit<ReflectorOptions<T>, "onChange">): Promise<Followed<T>> {
    const followed = this.begin(kube, options);
    await until("the first list", () => followed.reflector.synced, 15_000);
    return followed;
  }

  /** A namespace that no other test uses. */
  async freshNamespace(): Promise<string> {
    const name = `space-${++this.#spaces}`;
    await this.admin.create(RESOURCES.namespaces, { metadata: { name } });
    return name;
  }

  /** A fresh namespace with these ConfigMaps. */
  async spaceWith(...names: readonly string[]): Promise<string> {
    const namespace = await this.freshNamespace();
    for (const name of names) await this.admin.create(RESOURCES.configMaps, configMap(namespace, name));
    return namespace;
  }
}
