import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import type { GkeClassFabric } from "../model/classes";
import { type ControllerOptions, planController } from "../model/controller";
import { controllerObjects } from "../model/controller-manifests";
import { RESOURCES } from "../model/kubernetes";
import { checked, kubernetesObject } from "./kubernetes-object";

/** What a {@link PersistentIpController} is made of. */
export interface PersistentIpControllerProps extends ControllerOptions {
  /**
   * Reference of podpin's image, for example `us-central1-docker.pkg.dev/my-project/tools/podpin@sha256:…`. Give the
   * digest, so that the same chart always runs the same image. A later change rolls the controller and the agents one by
   * one; addresses keep working meanwhile.
   */
  readonly image: string;
}

/**
 * Deploys the controller and the node agents that give Pods their addresses, with everything that they need. One per
 * cluster. The cluster must be Kubernetes 1.31 or later, whose API server lets an agent watch its own node's bindings
 * only, and must have the CustomResourceDefinitions of the Gateway API, version 1.0 or later.
 *
 * @see https://gateway-api.sigs.k8s.io/guides/
 */
export class PersistentIpController extends Construct {
  /** Namespace of the controller and the agents. */
  public readonly namespace: string;
  /** The Deployment of the controller. */
  public readonly deployment: ApiObject;
  /** The DaemonSet of the agents. */
  public readonly daemonSet: ApiObject;
  /** The GatewayClasses that podpin serves. */
  public readonly gatewayClasses: ApiObject[];

  /** @internal */
  public readonly gkeClassFabric: GkeClassFabric | undefined;

  constructor(scope: Construct, id: string, props: PersistentIpControllerProps) {
    super(scope, id);

    const plan = checked("PersistentIpController", id, (problems) => planController(props, problems));

    const created: { kind: string; stage: number; object: ApiObject }[] = [];
    for (const { key, stage, object: manifest } of controllerObjects(plan, props.image)) {
      const object = kubernetesObject(this, key, manifest);
      for (const earlier of created) if (earlier.stage < stage) object.addDependency(earlier.object);
      created.push({ kind: manifest.kind, stage, object });
    }
    const ofKind = (kind: string) => created.filter((one) => one.kind === kind).map(({ object }) => object);

    this.namespace = plan.namespace;
    [this.deployment] = ofKind("Deployment") as [ApiObject];
    [this.daemonSet] = ofKind("DaemonSet") as [ApiObject];
    this.gatewayClasses = ofKind(RESOURCES.gatewayClasses.kind);
    this.gkeClassFabric = plan.gkeClassFabric;
  }
}
