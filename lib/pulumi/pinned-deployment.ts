import * as pulumi from "@pulumi/pulumi";

import { LATER } from "../model/later";
import {
  type PinnedDeploymentInput,
  type PinnedDeploymentOptions,
  planPinnedDeployment,
} from "../model/pinned-deployment";
import { claimantOf, noteRoute, type RoutePlan } from "../model/route";
import type { KubernetesObject } from "./declared-resources";
import { type DeploymentReference, deploymentLater, deploymentNow, isDeploymentResource } from "./deployment";
import { checkArguments, checked, knownNow, plainWhereKnown } from "./inputs";
import { knowsAll, lateStages } from "./late-stages";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { amongOthers } from "./program";
import { withKubernetesProvider } from "./providers";
import { routeNetworkNow } from "./route-network";
import {
  addressNow,
  checkTimeout,
  networkName,
  type NetworkReference,
  routeResources,
  type RouteWaiting,
} from "./route-resources";

/** What a {@link PinnedDeployment} takes. */
export interface PinnedDeploymentArgs extends PinnedDeploymentOptions, RouteWaiting {
  /** The pool that has the addresses. Fixed after creation: a change replaces the route. */
  pool: PersistentIpPool;
  /**
   * The Deployment: the resource itself, or its name together with `podSelector`. With the resource the route waits for
   * it, takes its namespace and its selector, and its Pod template is checked.
   */
  deployment: DeploymentReference;
  /**
   * The addresses that go to the newest Pod: entries of `pool.addresses`, or literals that the pool lists. A later change
   * takes effect at once; addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  addresses?: pulumi.Input<string>[];
  /**
   * Namespace of the Pods and of the route. Fixed after creation: a change replaces the route.
   *
   * @default - the namespace of `deployment` where that is a resource, else "default"
   */
  namespace?: pulumi.Input<string>;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, which the route then waits for.
   * `default` is the primary one. Fixed after creation: a change replaces the route.
   *
   * @default "default"
   */
  network?: NetworkReference;
  /**
   * Name of a regional Compute Engine health check in the project and the region of the cluster. With it all eligible
   * Pods share the addresses, at most one on a node, and Google Cloud sends packets to those that are healthy. GKE's own
   * provider only. The deployment then waits until the route is Accepted.
   *
   * @default - none: the newest eligible Pod alone has the addresses
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
   */
  healthCheckName?: pulumi.Input<string>;
}

/**
 * Gives addresses to the newest eligible Pod of a Deployment, however many replicas it has: they move with every rollout
 * and when that Pod is gone.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedDeployment extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: pulumi.Output<string>[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the name of the
   * component, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: KubernetesObject[];

  constructor(name: string, args: PinnedDeploymentArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArguments("PinnedDeployment", name, args);
    super("podpin:index:PinnedDeployment", name, {}, withKubernetesProvider(opts, args.pool.cluster?.provider));

    const { pool, namespace, network, healthCheckName, deployment, addresses: given, ...options } = args;
    const place = { namespace, network: networkName(network), healthCheckName };
    const now: Known = {
      pool: pool.plan,
      podNetwork: routeNetworkNow(network),
      namespace: knownNow(place.namespace),
      network: knownNow(place.network),
      healthCheckName: knownNow(place.healthCheckName),
      deployment: deploymentNow(deployment),
      addresses: given?.map((address) => addressNow(pool, address)),
    };
    const subject = claimantOf({ name, kind: "PinnedDeployment" });
    const program = amongOthers(this, subject);
    const planWith = (known: Known): RoutePlan =>
      checked("PinnedDeployment", name, this, (problems) => {
        const planned = planPinnedDeployment(
          { ...options, ...known, name, claims: pool.claims, others: program },
          problems,
        );
        checkTimeout(args, problems);
        return planned;
      });
    const plan = planWith(now);
    for (const position of plan.positions) pool.claims.set(position, plan.claim);
    noteRoute(program, plan);

    const late = () => {
      const inputs = { place: { ...place, deployment: deploymentLater(deployment) }, network, addresses: given };
      return lateStages(pool, inputs, now, planWith);
    };

    // The selector of a resource goes through the checks of its template, which are due once it is known.
    const early: RoutePlan = isDeploymentResource(deployment) ? { ...plan, podSelector: LATER } : plan;
    const stages = { now: early, late: knowsAll(pool, now) ? undefined : late() };
    const { addresses, routes } = routeResources(this, pool, stages, args, [deployment, network]);
    this.addresses = addresses;
    this.routes = routes;
    this.registerOutputs({ addresses: plainWhereKnown(plan.addresses, this.addresses) });
  }
}

/** The inputs that may come from other resources. */
type Known = Pick<
  PinnedDeploymentInput,
  "namespace" | "network" | "healthCheckName" | "deployment" | "pool" | "addresses" | "podNetwork"
>;
