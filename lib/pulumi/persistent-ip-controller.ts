import * as pulumi from "@pulumi/pulumi";

import type { GkeClassFabric } from "../model/classes";
import type { ClusterFacts } from "../model/cluster-facts";
import { type ControllerOptions, type ControllerPlan, planController } from "../model/controller";
import { controllerArguments } from "../model/controller-deployment";
import { controllerObjects } from "../model/controller-manifests";
import { controllerPermissions, hostProjectPermissions } from "../model/iam";
import type { ImagePlatform } from "../model/image";
import { RESOURCES } from "../model/kubernetes";
import { isKnown, type MaybeLater } from "../model/later";
import type { DaemonSetObject, DeploymentObject, KubernetesObject } from "./declared-resources";
import { builtImage } from "./docker-build";
import { checkArguments, checked, knownNow, nowOrLater } from "./inputs";
import { kubernetesResource } from "./kubernetes-resource";
import type { PersistentIpCluster } from "./persistent-ip-cluster";
import { controllerIdentity } from "./persistent-ip-controller-iam";
import { amongOthers } from "./program";
import { withKubernetesProvider } from "./providers";

/** What a {@link PersistentIpController} is made of. */
export interface PersistentIpControllerArgs extends ControllerOptions {
  /**
   * Reference of podpin's image, for example `us-central1-docker.pkg.dev/my-project/tools/podpin@sha256:…`. Give the
   * digest, so that the same program always runs the same image. A later change rolls the controller and the agents one
   * by one; addresses keep working meanwhile.
   *
   * @default - the image that is built for `imageRepository`; one of the two is needed
   */
  image?: pulumi.Input<string> | undefined;
  /**
   * Repository to which the image is pushed after it is built from the files that this package contains, for example
   * `us-central1-docker.pkg.dev/my-project/tools/podpin`. Its tag is podpin's version, and Pods get it by digest. Needs
   * the peer `@pulumi/docker-build` and Docker with buildx where `pulumi up` runs; credentials are Docker's own, or those
   * of a `@pulumi/docker-build` provider among the component's `providers`. A later change pushes to the new repository
   * and rolls the controller and the agents.
   *
   * @default - nothing is built
   */
  imageRepository?: pulumi.Input<string> | undefined;
  /**
   * Image that the built one starts from, Debian with Node.js 24: the default, a mirror of it or an image of your own. Give
   * the digest (`node:24-bookworm-slim@sha256:…`), for a tag moves unseen; with it two builds give the same image. A later
   * change builds anew and rolls the controller and the agents.
   *
   * @default "node:24-bookworm-slim"
   */
  imageBase?: pulumi.Input<string> | undefined;
  /**
   * Processors that the image is built for; each but the builder's own needs emulation there.
   *
   * @default ["linux/amd64"]
   */
  imagePlatforms?: ImagePlatform[] | undefined;
  /**
   * The cluster to deploy to: its provider is used where the options name none, its ranges become `clusterCidrs`, its
   * pool `workloadPool`, and what cannot work on it is refused. A later change moves everything to the other cluster.
   *
   * @default - the cluster of the Kubernetes provider in use, about which nothing is checked
   */
  cluster?: PersistentIpCluster | undefined;
  /**
   * Id of the Google Cloud project that has the addresses and the cluster's nodes. The controller's ServiceAccount then gets an
   * identity there, by Workload Identity, with a custom role of exactly the permissions that forwarding rules need, and the
   * controller serves the classes `podpin-regional-external` and `podpin-regional-internal`. A later change moves the role to
   * the other project.
   *
   * @default - no identity in Google Cloud, and no such classes
   */
  googleCloudProject?: pulumi.Input<string> | undefined;
  /**
   * Number of the cluster's project, for example `123456789012`; needed with `googleCloudProject`. It is part of the name
   * of the identity.
   *
   * @default - none
   */
  googleCloudProjectNumber?: pulumi.Input<string> | undefined;
  /**
   * Id of the host project of the Shared VPC that the nodes' network is in. What the controller needs of the network it then gets
   * in a second custom role there, of the same id: to use the network and its subnetworks, and with `googleCloudFirewallSources`
   * to make the firewall rules, which live there. Whoever deploys must be allowed to make roles and members in
   * that project. A later change moves the second role; delete routes with firewall rules before it.
   *
   * @default - the network is in `googleCloudProject`, or its own people grant what is needed
   */
  googleCloudHostProject?: pulumi.Input<string> | undefined;
  /**
   * Pool of Workload Identity of the cluster, `<project id>.svc.id.goog`.
   *
   * @default - that of `cluster`, else the pool of `googleCloudProject`
   */
  workloadPool?: pulumi.Input<string> | undefined;
  /**
   * Id of the custom role in its project: 3 to 64 letters, digits, `_` and `.`. Fixed after creation: a change makes a new
   * role. Two clusters in one project need two ids.
   *
   * @default "podpinController"
   */
  googleCloudRoleId?: string | undefined;
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
  /** Reference of the image that runs. */
  public readonly image: pulumi.Output<string>;
  /** The Deployment of the controller. */
  public readonly deployment: DeploymentObject;
  /** The DaemonSet of the agents. */
  public readonly daemonSet: DaemonSetObject;
  /** The GatewayClasses that podpin serves. */
  public readonly gatewayClasses: KubernetesObject[];

  /** @internal */
  public readonly gkeClassFabric: GkeClassFabric | undefined;
  /** @internal */
  public readonly interfaceDelivery: boolean;
  /** @internal */
  public readonly googleCloud: boolean;

  constructor(name: string, args: PersistentIpControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpController", name, args, opts);
    super("podpin:index:PersistentIpController", name, {}, withKubernetesProvider(opts, args.cluster?.provider));

    const now: KnownInputs = {
      image: knownNow(args.image),
      imageRepository: knownNow(args.imageRepository),
      imageBase: knownNow(args.imageBase),
      googleCloudProject: knownNow(args.googleCloudProject),
      googleCloudProjectNumber: knownNow(args.googleCloudProjectNumber),
      googleCloudHostProject: knownNow(args.googleCloudHostProject),
      workloadPool: knownNow(args.workloadPool),
    };
    const program = amongOthers(this, `PersistentIpController "${name}"`);
    const planWith = (values: Partial<KnownInputs>, facts: ClusterFacts | undefined) =>
      checked("PersistentIpController", name, this, (problems) =>
        planController({ ...args, ...now, ...values, name, cluster: facts, canBuild: true, others: program }, problems),
      );
    const { cluster } = args;
    const plan = planWith({}, cluster?.facts);
    program.isController();
    /** The same plan once all of the cluster is known. */
    const settled = cluster?.settled.apply((facts) => planWith({}, facts));
    const checkedLater = <Field extends keyof KnownInputs>(field: Field): pulumi.Input<string> =>
      nowOrLater(now[field] as MaybeLater<string>, () =>
        pulumi.output(args[field]).apply((value) => {
          planWith({ [field]: value }, cluster?.facts);
          return value as string;
        }),
      );

    const image = plan.buildImage
      ? builtImage(
          "imageRepository of PersistentIpController",
          `${name}-image`,
          {
            repository: checkedLater("imageRepository"),
            base: args.imageBase === undefined ? undefined : checkedLater("imageBase"),
            platforms: args.imagePlatforms,
          },
          { parent: this },
        )
      : checkedLater("image");
    const isToCome = settled !== undefined && args.clusterCidrs === undefined && hasLaterCidrs(cluster?.facts);
    const project = plan.googleCloud ? checkedLater("googleCloudProject") : "";
    const hostProject = plan.googleCloud && plan.sharedVpc ? checkedLater("googleCloudHostProject") : undefined;
    const programArguments = argumentsOnce(isToCome ? settled : plan, project, hostProject);

    if (plan.googleCloud) {
      controllerIdentity(
        name,
        {
          namespace: plan.namespace,
          roleId: plan.googleCloudRoleId,
          permissions: controllerPermissions(plan),
          hostPermissions: hostProjectPermissions(plan),
          project,
          hostProject,
          projectNumber: checkedLater("googleCloudProjectNumber"),
          workloadPool: args.workloadPool === undefined ? undefined : checkedLater("workloadPool"),
          cluster: cluster?.settled,
        },
        { parent: this },
      );
    }
    const created: { kind: string; stage: number; resource: pulumi.CustomResource }[] = [];
    for (const { key, stage, object } of controllerObjects(plan, image, programArguments)) {
      const earlier = created.filter((one) => one.stage < stage).map(({ resource }) => resource);
      // Nothing is made on a cluster that turns out to be wrong.
      const dependsOn = settled?.apply(() => earlier) ?? earlier;
      const resource = kubernetesResource(`${name}-${key}`, object, { parent: this, dependsOn });
      created.push({ kind: object.kind, stage, resource });
    }
    const ofKind = (kind: string) => created.filter((one) => one.kind === kind).map(({ resource }) => resource);

    this.namespace = plan.namespace;
    this.image = pulumi.output(image);
    [this.deployment] = ofKind("Deployment") as [DeploymentObject];
    [this.daemonSet] = ofKind("DaemonSet") as [DaemonSetObject];
    this.gatewayClasses = ofKind(RESOURCES.gatewayClasses.kind) as KubernetesObject[];
    this.gkeClassFabric = plan.gkeClassFabric;
    this.interfaceDelivery = plan.interfaceDelivery;
    this.googleCloud = plan.googleCloud;
    this.registerOutputs({ namespace: this.namespace, image: this.image });
  }
}

/** What the program knows of the inputs that can come from other resources. */
interface KnownInputs {
  readonly image: MaybeLater<string | undefined>;
  readonly imageRepository: MaybeLater<string | undefined>;
  readonly imageBase: MaybeLater<string | undefined>;
  readonly googleCloudProject: MaybeLater<string | undefined>;
  readonly googleCloudProjectNumber: MaybeLater<string | undefined>;
  readonly googleCloudHostProject: MaybeLater<string | undefined>;
  readonly workloadPool: MaybeLater<string | undefined>;
}

/** The arguments of the controller program, at once where all of them are known. */
function argumentsOnce(
  plan: ControllerPlan | pulumi.Output<ControllerPlan>,
  project: pulumi.Input<string>,
  hostProject: pulumi.Input<string> | undefined,
): pulumi.Input<readonly string[]> {
  const isText = (id: unknown): id is string | undefined => id === undefined || typeof id === "string";
  return pulumi.Output.isInstance(plan) || typeof project !== "string" || !isText(hostProject)
    ? pulumi
        .all([plan, project, hostProject])
        .apply(([known, id, host]) => controllerArguments(known as ControllerPlan, { project: id, hostProject: host }))
    : controllerArguments(plan, { project, hostProject });
}

function hasLaterCidrs(cluster: ClusterFacts | undefined): boolean {
  return cluster !== undefined && !(isKnown(cluster.podCidr) && isKnown(cluster.serviceCidr));
}
