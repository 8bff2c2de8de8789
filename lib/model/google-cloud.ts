// How the controller leads packets on Google Cloud: what PersistentIpController takes for it, and what is wrong with it.
import { baseOfCidr, isIPv4Cidr } from "./address";
import { checkChoice } from "./choices";
import { checkComputeName } from "./compute";
import type { Problems } from "./problems";
import { Flag } from "./runtime";

/** By which objects of Google Cloud packets for an address come to a node. */
export const GoogleCloudDriver = {
  /**
   * A backend service for each route, whose leader the controller sets: one call moves all addresses of the route, and Google
   * Cloud itself refuses a writer that is late.
   */
  HaPolicy: "ha-policy",
  /** Protocol forwarding to target instances: fewer kinds of objects, and a call for each address of a move. */
  TargetInstance: "target-instance",
} as const;
export type GoogleCloudDriver = (typeof GoogleCloudDriver)[keyof typeof GoogleCloudDriver];

/** What the controller component takes for Google Cloud in both flavours as plain values. */
export interface GoogleCloudOptions {
  /**
   * By which objects of Google Cloud the controller leads packets to a node: `ha-policy`, the leader of a backend service, or
   * `target-instance`, protocol forwarding. Fixed while there are routes of classes `podpin-regional-…`: delete them before a
   * change, since each driver sees its own objects only.
   *
   * @default "ha-policy"
   */
  googleCloudDriver?: GoogleCloudDriver | undefined;
  /**
   * URL of the Compute API, for example that of a private endpoint,
   * `https://compute-mine.p.googleapis.com/compute/v1/`; with plain HTTP whoever is on the way reads the controller's token. A later change restarts the controller; addresses keep working
   * meanwhile.
   *
   * @default - Google's own
   */
  googleCloudEndpoint?: string | undefined;
  /**
   * IPv4 ranges of clients, for example `["0.0.0.0/0"]`, that the controller lets in to the addresses: one rule of the
   * VPC firewall for each route, for its addresses only. The role then also has the permissions for firewalls. Give it,
   * or let clients in by a rule of your own, such as `PersistentIpFirewall`: a VPC network refuses what no rule allows.
   * A later change restarts the controller, which then changes its rules; delete the routes before you leave it out
   * again, since the controller then no longer sees rules of its own.
   *
   * @default - the controller makes no firewall rules
   */
  googleCloudFirewallSources?: string[] | undefined;
  /**
   * Network tags of the nodes that the controller's firewall rules are for; only with `googleCloudFirewallSources`. A
   * later change restarts the controller, which then changes its rules.
   *
   * @default - every VM of the network
   */
  googleCloudFirewallTags?: string[] | undefined;
  /**
   * Whether a StatefulSet's Pod with an address is replaced when its VM is gone: Kubernetes alone never does, because it cannot
   * know that the Pod does not run any more. Where Compute Engine says that the VM does not exist, or is terminated, stopped or
   * suspended, the controller marks the node with the taint `node.kubernetes.io/out-of-service`, by which Kubernetes deletes
   * its Pods and detaches their volumes; it takes the mark away when the VM runs again. Never without that proof. The
   * controller may then change Nodes. A later change takes effect at once.
   *
   * @default false
   */
  replaceLostPods?: boolean | undefined;
}

/** What the program of the controller gets. */
export interface GoogleCloudPlan extends GoogleCloudOptions {
  readonly googleCloudDriver: GoogleCloudDriver;
  readonly replaceLostPods: boolean;
}

/** Its options, by the names that a user types. */
export function optionsGiven(options: GoogleCloudOptions): GoogleCloudOptions {
  const { googleCloudDriver, googleCloudEndpoint, googleCloudFirewallSources } = options;
  const { googleCloudFirewallTags, replaceLostPods } = options;
  return {
    googleCloudDriver,
    googleCloudEndpoint,
    googleCloudFirewallSources,
    googleCloudFirewallTags,
    replaceLostPods,
  };
}

/** Fills in the defaults and reports what is wrong. */
export function planGoogleCloud(options: GoogleCloudOptions, problems: Problems): GoogleCloudPlan {
  const { googleCloudDriver = GoogleCloudDriver.HaPolicy, googleCloudEndpoint } = options;
  const { googleCloudFirewallSources: sources, googleCloudFirewallTags: tags } = options;
  checkChoice("googleCloudDriver", googleCloudDriver, GoogleCloudDriver, problems);
  if (googleCloudEndpoint !== undefined && !isComputeEndpoint(googleCloudEndpoint)) {
    problems.add(
      "googleCloudEndpoint",
      googleCloudEndpoint,
      'use a URL that ends with /compute/v1/, for example "https://compute.googleapis.com/compute/v1/"',
    );
  }
  if (sources?.length === 0) {
    problems.add(
      "googleCloudFirewallSources",
      sources,
      "use at least one range, or leave it out to make no firewall rules",
    );
  }
  sources?.forEach((cidr, index) => {
    if (isIPv4Cidr(cidr)) return;
    const base = baseOfCidr(cidr);
    const want = base === undefined ? 'use an IPv4 range, for example "203.0.113.0/24"' : `use "${base}"`;
    problems.add(`googleCloudFirewallSources[${index}]`, cidr, want);
  });
  if (tags !== undefined && sources === undefined) {
    problems.add(
      "googleCloudFirewallTags",
      tags,
      "without googleCloudFirewallSources there is no rule that they could be of: give it too, or leave these out",
    );
  }
  tags?.forEach((tag, index) => checkComputeName(`googleCloudFirewallTags[${index}]`, tag, problems));
  return { ...optionsGiven(options), googleCloudDriver, replaceLostPods: options.replaceLostPods ?? false };
}

/** Whether the text is the URL of a Compute API, of which podpin speaks version 1. */
export function isComputeEndpoint(text: string): boolean {
  return /^https?:\/\/[^/\s?#@]+(\/[^\s?#]*)?\/compute\/v1\/?$/.test(text);
}

/** Ids of the projects that the controller works in. */
export interface GoogleCloudProjects {
  /** Of the addresses and the nodes. */
  readonly project: string;
  /** Of the network; undefined where that is in the same project. */
  readonly hostProject?: string;
}

/** Flags of the controller program. */
export function googleCloudFlags(
  plan: GoogleCloudPlan,
  { project, hostProject }: GoogleCloudProjects,
): readonly string[] {
  const { googleCloudEndpoint: endpoint, googleCloudFirewallSources = [], googleCloudFirewallTags = [] } = plan;
  return [
    `${Flag.GoogleCloud}=${plan.googleCloudDriver}`,
    `${Flag.GoogleCloudProject}=${project}`,
    ...(hostProject === undefined ? [] : [`${Flag.GoogleCloudHostProject}=${hostProject}`]),
    ...(endpoint === undefined ? [] : [`${Flag.GoogleCloudEndpoint}=${endpoint}`]),
    ...googleCloudFirewallSources.map((range) => `${Flag.GoogleCloudFirewallSource}=${range}`),
    ...googleCloudFirewallTags.map((tag) => `${Flag.GoogleCloudFirewallTag}=${tag}`),
    ...(plan.replaceLostPods ? [Flag.ReplaceLostPods] : []),
  ];
}
