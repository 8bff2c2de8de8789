import { checkLocation, DatapathProvider, workloadPoolOfProject } from "../model/cluster";
import { type ClusterFacts, regionOfLocation } from "../model/cluster-facts";
import { checkExistingCluster, checkExistingName } from "../model/existing-cluster";
import { LATER } from "../model/later";
import { checkRegion } from "../model/region";
import { checked } from "./kubernetes-object";

/** What `PersistentIpCluster.fromExisting` takes. */
export interface PersistentIpClusterFromExistingProps {
  /** Name of the cluster in GKE. */
  readonly clusterName: string;
  /** Where it runs: a region such as `us-central1`, or a zone such as `us-central1-a`. */
  readonly location: string;
  /**
   * Id of its project.
   *
   * @default - not known
   */
  readonly project?: string | undefined;
  /**
   * Region in which the cluster must be, for example that of the addresses.
   *
   * @default - any
   */
  readonly region?: string | undefined;
  /**
   * What carries its packets. Say `LEGACY_DATAPATH` for a cluster on which a `PersistentIpController` runs the routes.
   *
   * @default - not known
   */
  readonly datapathProvider?: DatapathProvider | undefined;
  /**
   * Version of its control plane, for example `1.33.5-gke.1201000`.
   *
   * @default - not known
   */
  readonly masterVersion?: string | undefined;
  /**
   * How its Pods get addresses: `VPC_NATIVE` or `ROUTES`.
   *
   * @default - not known
   */
  readonly networkingMode?: string | undefined;
  /**
   * Its VPC network, by name or self link. A `PodNetwork` of type `Device` must be on another one.
   *
   * @default - not known
   */
  readonly network?: string | undefined;
  /**
   * Subnetwork of its nodes, by name or self link. Internal addresses for its default network are from there.
   *
   * @default - not known
   */
  readonly subnetwork?: string | undefined;
  /**
   * Whether it is an Autopilot cluster.
   *
   * @default - not known
   */
  readonly enableAutopilot?: boolean | undefined;
  /**
   * Channel of the Gateway API: `CHANNEL_STANDARD`, `CHANNEL_EXPERIMENTAL` or `CHANNEL_DISABLED`.
   *
   * @default - not known
   */
  readonly gatewayApiChannel?: string | undefined;
  /**
   * Whether its Pods may have several networks.
   *
   * @default - not known
   */
  readonly enableMultiNetworking?: boolean | undefined;
  /**
   * Range of its Pods, for example `10.8.0.0/14`.
   *
   * @default - not known
   */
  readonly clusterIpv4Cidr?: string | undefined;
  /**
   * Range of its Services.
   *
   * @default - not known
   */
  readonly servicesIpv4Cidr?: string | undefined;
  /**
   * Namespace of the objects for Config Connector that are about it, such as its node pools.
   *
   * @default - the namespace of the chart, else "default"
   */
  readonly namespace?: string | undefined;
}

/** @internal What the program says of the cluster, checked. */
export function existingFacts(id: string, props: PersistentIpClusterFromExistingProps): ClusterFacts {
  const { clusterName, location, project, region, datapathProvider, gatewayApiChannel } = props;
  const facts: ClusterFacts = {
    name: clusterName,
    location,
    region: typeof location === "string" ? regionOfLocation(location) : LATER,
    project: project ?? LATER,
    version: props.masterVersion ?? LATER,
    autopilot: props.enableAutopilot ?? LATER,
    dataplaneV2: datapathProvider === undefined ? LATER : datapathProvider === DatapathProvider.Advanced,
    vpcNative: props.networkingMode === undefined ? LATER : props.networkingMode !== "ROUTES",
    gatewayApi: gatewayApiChannel === undefined ? LATER : gatewayApiChannel !== "CHANNEL_DISABLED",
    multiNetworking: props.enableMultiNetworking ?? LATER,
    workloadPool: project === undefined ? LATER : workloadPoolOfProject(project),
    network: props.network ?? LATER,
    subnetwork: props.subnetwork ?? LATER,
    podCidr: props.clusterIpv4Cidr ?? LATER,
    serviceCidr: props.servicesIpv4Cidr ?? LATER,
  };
  return checked("PersistentIpCluster", id, (problems) => {
    checkExistingName(clusterName, problems);
    checkLocation(location, problems);
    if (region !== undefined) checkRegion("region", region, problems);
    checkExistingCluster(facts, { datapathProvider, region }, problems);
    return facts;
  });
}
