// A real API server with what PersistentIpController declares besides its workloads, and tokens of the accounts in it, bound
// to Pods as the kubelet gives them out.
import { readFileSync } from "node:fs";

import type { Kube } from "../../controller-image/src/kube/api";
import { systemClock } from "../../controller-image/src/kube/clock";
import { createKube } from "../../controller-image/src/kube/kube";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import type { ControlPlane } from "../../lab/cluster/control-plane";
import { planController } from "../../lib/model/controller";
import { controllerObjects } from "../../lib/model/controller-manifests";
import { Problems } from "../../lib/model/problems";
import { PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { loopbackControlPlane } from "../support/control-plane";

export class DeclaredCluster {
  readonly #clients: Kube[] = [];

  private constructor(readonly controlPlane: ControlPlane) {}

  static async start(): Promise<DeclaredCluster> {
    const cluster = new DeclaredCluster(await loopbackControlPlane());
    const image = "registry.example.com/podpin:0.1.0";
    const declared = controllerObjects(planController({ image }, new Problems()), image)
      .map(({ object }) => object)
      .filter(({ kind }) => !["GatewayClass", "Deployment", "DaemonSet"].includes(kind));
    for (const object of declared) await cluster.create(object);
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    return cluster;
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.controlPlane.kubectl(args, input);
  }

  create(object: object): Promise<string> {
    return this.kubectl(["create", "-f", "-"], JSON.stringify(object));
  }

  clientWith(token: string): Kube {
    const config = { ...kubeconfigOf(JSON.parse(readFileSync(this.controlPlane.kubeconfig, "utf8"))), token };
    const kube = createKube({ config, clock: systemClock, log: () => undefined, userAgent: "podpin-test/0" });
    this.#clients.push(kube);
    return kube;
  }

  /** A token of the account; of a Pod of it, where one is named. */
  async tokenOf(account: string, pod?: string): Promise<string> {
    const bound = pod === undefined ? [] : ["--bound-object-kind=Pod", `--bound-object-name=${pod}`];
    return (await this.kubectl(["create", "token", account, "-n", PODPIN_NAMESPACE, ...bound])).trim();
  }

  /** The token of a Pod of the account on the node; nothing runs there, but its token names the node. */
  async podOn(node: string, account: string): Promise<string> {
    const name = `${account}-${node}`;
    await this.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: PODPIN_NAMESPACE },
      spec: {
        nodeName: node,
        serviceAccountName: account,
        containers: [{ name: "main", image: "registry.example.com/podpin:0.1.0" }],
      },
    });
    return this.tokenOf(account, name);
  }

  async stop(): Promise<void> {
    for (const kube of this.#clients) kube.close();
    await this.controlPlane.stop();
  }
}
