// Resources that components declare, with the outputs that programs connect. Not the SDKs' own classes: the declarations
// of those bring every type of Kubernetes or of Google Cloud, 20 MB of text, into each program that imports podpin.
import type * as pulumi from "@pulumi/pulumi";

/**
 * An object of Kubernetes that a component declares. Where the very class of `@pulumi/kubernetes` is asked for, say so:
 * `route.routes[0] as kubernetes.apiextensions.CustomResource`.
 */
export interface KubernetesObject extends pulumi.CustomResource {
  /** Group and version, for example `networking.gke.io/v1`. */
  readonly apiVersion: pulumi.Output<string>;
  /** Kind, for example `GKEIPRoute`. */
  readonly kind: pulumi.Output<string>;
  /** Its metadata, as the API server keeps it. */
  readonly metadata: pulumi.Output<KubernetesObjectMetadata>;
}

/** The metadata of a {@link KubernetesObject}. */
export interface KubernetesObjectMetadata {
  /** Name of the object. */
  readonly name: string;
  /** Its namespace; nothing where its kind belongs to the whole cluster. */
  readonly namespace: string;
  /** Identity that no other object ever has, known once it exists. */
  readonly uid: string;
  /** How often its spec has changed, known once it exists. */
  readonly generation: number;
}

/** The Deployment of a controller: a `kubernetes.apps.v1.Deployment`. */
export interface DeploymentObject extends KubernetesObject {
  /** How far it is, known once it exists. */
  readonly status: pulumi.Output<DeploymentStatus>;
}

/** How far a Deployment is. */
export interface DeploymentStatus {
  /** The generation that this is about. */
  readonly observedGeneration: number;
  /** Pods there are. */
  readonly replicas: number;
  /** Of them, with the present template. */
  readonly updatedReplicas: number;
  /** Of them, ready. */
  readonly readyReplicas: number;
  /** Of them, ready for long enough. */
  readonly availableReplicas: number;
}

/** The DaemonSet of the agents: a `kubernetes.apps.v1.DaemonSet`. */
export interface DaemonSetObject extends KubernetesObject {
  /** How far it is, known once it exists. */
  readonly status: pulumi.Output<DaemonSetStatus>;
}

/** How far a DaemonSet is. */
export interface DaemonSetStatus {
  /** The generation that this is about. */
  readonly observedGeneration: number;
  /** Nodes that are to have a Pod. */
  readonly desiredNumberScheduled: number;
  /** Of them, with the present template. */
  readonly updatedNumberScheduled: number;
  /** Of them, ready. */
  readonly numberReady: number;
  /** Of them, ready for long enough. */
  readonly numberAvailable: number;
}

/** A firewall rule of a VPC network: a `gcp.compute.Firewall`. */
export interface FirewallResource extends pulumi.CustomResource {
  /** Its name in Compute Engine. */
  readonly name: pulumi.Output<string>;
  /** Its project. */
  readonly project: pulumi.Output<string>;
  /** The VPC network. */
  readonly network: pulumi.Output<string>;
  /** Its URI. */
  readonly selfLink: pulumi.Output<string>;
  /** Rules with a lower number come first. */
  readonly priority: pulumi.Output<number | undefined>;
  /** From where packets may come. */
  readonly sourceRanges: pulumi.Output<string[] | undefined>;
  /** To where they may go. */
  readonly destinationRanges: pulumi.Output<string[]>;
  /** Network tags of the nodes. */
  readonly targetTags: pulumi.Output<string[] | undefined>;
  /** Service accounts of the nodes. */
  readonly targetServiceAccounts: pulumi.Output<string[] | undefined>;
}

/** A regional health check: a `gcp.compute.RegionHealthCheck`. */
export interface HealthCheckResource extends pulumi.CustomResource {
  /** Its name in Compute Engine. */
  readonly name: pulumi.Output<string>;
  /** Its project. */
  readonly project: pulumi.Output<string>;
  /** Its region. */
  readonly region: pulumi.Output<string>;
  /** Its URI. */
  readonly selfLink: pulumi.Output<string>;
  /** Its protocol, as Compute Engine names it. */
  readonly type: pulumi.Output<string>;
  /** Seconds between two probes. */
  readonly checkIntervalSec: pulumi.Output<number | undefined>;
  /** Seconds after which a probe has failed. */
  readonly timeoutSec: pulumi.Output<number | undefined>;
  /** Probes in a row that make a Pod healthy. */
  readonly healthyThreshold: pulumi.Output<number | undefined>;
  /** Failed probes in a row that make it unhealthy. */
  readonly unhealthyThreshold: pulumi.Output<number | undefined>;
}

/** A public delegated prefix: a `gcp.compute.PublicDelegatedPrefix`. */
export interface DelegatedPrefixResource extends pulumi.CustomResource {
  /** Its name in Compute Engine. */
  readonly name: pulumi.Output<string>;
  /** Its project. */
  readonly project: pulumi.Output<string>;
  /** Its region. */
  readonly region: pulumi.Output<string>;
  /** Its URI. */
  readonly selfLink: pulumi.Output<string>;
  /** The range that it delegates. */
  readonly ipCidrRange: pulumi.Output<string>;
  /** The advertised prefix that the range is a part of. */
  readonly parentPrefix: pulumi.Output<string>;
}
