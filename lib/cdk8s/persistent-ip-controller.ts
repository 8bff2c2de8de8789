import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import type { GkeClassFabric } from "../model/classes";
import { type ControllerOptions, planController } from "../model/controller";
import { controllerArguments } from "../model/controller-deployment";
import { controllerObjects } from "../model/controller-manifests";
import { controllerPrincipal, workloadPoolOf } from "../model/iam";
import { configConnectorIdentity } from "../model/iam-objects";
import { RESOURCES } from "../model/kubernetes";
import { checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import { amongOthers } from "./program";

/** What a {@link PersistentIpController} is made of. */
export interface PersistentIpControllerProps extends ControllerOptions {
  /**
   * Reference of podpin's image, for example `us-central1-docker.pkg.dev/my-project/tools/podpin@sha256:…`. Give the
   * digest, so that the same chart always runs the same image. A later change rolls the controller and the agents one by
   * one; addresses keep working meanwhile.
   */
  readonly image: string;
  /**
   * The cluster to deploy to: its ranges become `clusterCidrs`, its pool `workloadPool`, and what cannot work on it is
   * refused.
   *
   * @default - nothing is checked
   */
  readonly cluster?: PersistentIpCluster | undefined;
  /**
   * Id of the Google Cloud project that has the addresses and the cluster's nodes. The controller's ServiceAccount then gets an
   * identity there, by Workload Identity, with a custom role of exactly the permissions that forwarding rules need (objects of
   * Config Connector, in the controller's namespace), and the controller serves the classes `podpin-regional-external` and
   * `podpin-regional-internal`. A later change moves the role to the other project.
   *
   * @default - no identity in Google Cloud, and no such classes
   */
  readonly googleCloudProject?: string | undefined;
  /**
   * Number of the cluster's project, for example `123456789012`; needed with `googleCloudProject`. It is part of the name
   * of the identity.
   *
   * @default - none
   */
  readonly googleCloudProjectNumber?: string | undefined;
  /**
   * Id of the host project of the Shared VPC that the nodes' network is in. What the controller needs of the network it then gets
   * in a second custom role there, of the same id: to use the network and its subnetworks, and with `googleCloudFirewallSources`
   * to make the firewall rules, which live there. The namespace of the controller then has two roles of Config Connector. Whoever deploys must be allowed to make roles and members in
   * that project. A later change moves the second role; delete routes with firewall rules before it.
   *
   * @default - the network is in `googleCloudProject`, or its own people grant what is needed
   */
  readonly googleCloudHostProject?: string | undefined;
  /**
   * Pool of Workload Identity of the cluster, `<project id>.svc.id.goog`.
   *
   * @default - that of `cluster`, else the pool of `googleCloudProject`
   */
  readonly workloadPool?: string | undefined;
  /**
   * Id of the custom role in its project: 3 to 64 letters, digits, `_` and `.`. Fixed after creation: a change makes a new
   * role. Two clusters in one project need two ids.
   *
   * @default "podpinController"
   */
  readonly googleCloudRoleId?: string | undefined;
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
  /** Reference of the image that runs. */
  public readonly image: string;
  /** The Deployment of the controller. */
  public readonly deployment: ApiObject;
  /** The DaemonSet of the agents. */
  public readonly daemonSet: ApiObject;
  /** The GatewayClasses that podpin serves. */
  public readonly gatewayClasses: ApiObject[];

  /** @internal */
  public readonly gkeClassFabric: GkeClassFabric | undefined;
  /** @internal */
  public readonly interfaceDelivery: boolean;
  /** @internal */
  public readonly googleCloud: boolean;

  constructor(scope: Construct, id: string, props: PersistentIpControllerProps) {
    props = checkProperties("PersistentIpController", id, props);
    super(scope, id);

    const facts = props.cluster?.facts;
    const program = amongOthers(this, `PersistentIpController "${id}"`, props.cluster);
    const plan = checked("PersistentIpController", id, (problems) =>
      planController({ ...props, name: id, cluster: facts, others: program }, problems),
    );
    program.isController();
    const { googleCloudProject: project = "", googleCloudProjectNumber: projectNumber = "" } = props;
    const projects = { project, hostProject: props.googleCloudHostProject };
    const pool = workloadPoolOf(props.workloadPool, facts, project);
    const principal = controllerPrincipal(projectNumber, pool, plan.namespace);
    const identity = plan.googleCloud ? configConnectorIdentity(plan, projects, principal) : [];

    const created: { kind: string; stage: number; object: ApiObject }[] = [];
    const declared = controllerObjects(plan, props.image, controllerArguments(plan, projects));
    for (const { key, stage, object: manifest } of [...declared, ...identity]) {
      const object = kubernetesObject(this, key, manifest);
      for (const earlier of created) if (earlier.stage < stage) object.addDependency(earlier.object);
      created.push({ kind: manifest.kind, stage, object });
    }
    const ofKind = (kind: string) => created.filter((one) => one.kind === kind).map(({ object }) => object);

    this.namespace = plan.namespace;
    this.image = props.image;
    [this.deployment] = ofKind("Deployment") as [ApiObject];
    [this.daemonSet] = ofKind("DaemonSet") as [ApiObject];
    this.gatewayClasses = ofKind(RESOURCES.gatewayClasses.kind);
    this.gkeClassFabric = plan.gkeClassFabric;
    this.interfaceDelivery = plan.interfaceDelivery;
    this.googleCloud = plan.googleCloud;
  }
}
