import * as pulumi from "@pulumi/pulumi";
import type { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import type { DaemonSet } from "@pulumi/kubernetes/apps/v1/daemonSet";
import type { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";

import type { GkeClassFabric } from "../model/classes";
import { type ControllerOptions, planController } from "../model/controller";
import { controllerObjects } from "../model/controller-manifests";
import { RESOURCES } from "../model/kubernetes";
import { LATER } from "../model/later";
import { checked, knownNow, nowOrLater } from "./inputs";
import { kubernetesResource } from "./kubernetes-resource";

/** What a {@link PersistentIpController} is made of. */
export interface PersistentIpControllerArgs extends ControllerOptions {
  /**
   * Reference of podpin's image, for example `us-central1-docker.pkg.dev/my-project/tools/podpin@sha256:…`. Give the
   * digest, so that the same program always runs the same image. A later change rolls the controller and the agents one
   * by one; addresses keep working meanwhile.
   */
  image: pulumi.Input<string>;
}

/**
 * Deploys the controller and the node agents that give Pods their addresses, with everything that they need. One per
 * cluster. The cluster must be Kubernetes 1.31 or later, whose API server lets an agent watch its own node's bindings
 * only, and must have the CustomResourceDefinitions of the Gateway API, version 1.0 or later.
 *
 * @see https://gateway-api.sigs.k8s.io/guides/
 */
export class PersistentIpController extends pulumi.ComponentResource {
  /** Namespace of the controller and the agents. */
  public readonly namespace: string;
  /** The Deployment of the controller. */
  public readonly deployment: Deployment;
  /** The DaemonSet of the agents. */
  public readonly daemonSet: DaemonSet;
  /** The GatewayClasses that podpin serves. */
  public readonly gatewayClasses: CustomResource[];

  /** @internal */
  public readonly gkeClassFabric: GkeClassFabric | undefined;

  constructor(name: string, args: PersistentIpControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("podpin:index:PersistentIpController", name, {}, opts);

    const planWith = (image: string | undefined | typeof LATER) =>
      checked("PersistentIpController", name, this, (problems) => planController({ ...args, image }, problems));
    const imageNow = knownNow(args.image);
    const plan = planWith(imageNow);
    const image = nowOrLater(imageNow, () =>
      pulumi.output(args.image).apply((value) => {
        planWith(value);
        return value;
      }),
    );

    const created: { kind: string; stage: number; resource: pulumi.CustomResource }[] = [];
    for (const { key, stage, object } of controllerObjects(plan, image)) {
      const dependsOn = created.filter((earlier) => earlier.stage < stage).map(({ resource }) => resource);
      const resource = kubernetesResource(`${name}-${key}`, object, { parent: this, dependsOn });
      created.push({ kind: object.kind, stage, resource });
    }
    const ofKind = (kind: string) => created.filter((one) => one.kind === kind).map(({ resource }) => resource);

    this.namespace = plan.namespace;
    [this.deployment] = ofKind("Deployment") as [Deployment];
    [this.daemonSet] = ofKind("DaemonSet") as [DaemonSet];
    this.gatewayClasses = ofKind(RESOURCES.gatewayClasses.kind) as CustomResource[];
    this.gkeClassFabric = plan.gkeClassFabric;
    this.registerOutputs({ namespace: this.namespace });
  }
}
