import * as pulumi from "@pulumi/pulumi";

import { type PinnedDeploymentOptions, planPinnedDeployment } from "../model/pinned-deployment";
import type { KubernetesObject } from "./declared-resources";
import { type DeploymentReference, deploymentLater, deploymentNow, isDeploymentResource } from "./deployment";
import { checkArguments } from "./inputs";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { withKubernetesProvider } from "./providers";
import type { NetworkReference, RouteWaiting } from "./route-resources";
import { withShortTraces } from "./short-traces";
import { singleRoute } from "./single-route";

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
   * takes effect at once; with podpin's controller addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  addresses?: pulumi.Input<string>[] | undefined;
  /**
   * Namespace of the Pods and of the route. Fixed after creation: a change replaces the route.
   *
   * @default - the namespace of `deployment` where that is a resource, else "default"
   */
  namespace?: pulumi.Input<string> | undefined;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, which the route then waits for.
   * `default` is the primary one. Fixed after creation: a change replaces the route.
   *
   * @default "default"
   */
  network?: NetworkReference | undefined;
  /**
   * Name of a regional Compute Engine health check in the project and the region of the cluster. With it all eligible
   * Pods share the addresses, at most one on a node, and Google Cloud sends packets to those that are healthy. GKE's
   * own provider only. The deployment then waits until the route is Accepted. A later change updates the route in
   * place.
   *
   * @default - none: the newest eligible Pod alone has the addresses
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
   */
  healthCheckName?: pulumi.Input<string> | undefined;
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
    args = checkArguments("PinnedDeployment", name, args, opts);
    super("podpin:index:PinnedDeployment", name, {}, withKubernetesProvider(opts, args.pool.cluster?.provider));

    const { deployment } = args;
    const workload = {
      reference: deployment,
      now: { deployment: deploymentNow(deployment) },
      later: () => ({ deployment: deploymentLater(deployment) }),
      // The selector of a resource goes through the checks of its template, which are due once it is known.
      // That of an output can be, where it is one of a resource.
      isSelectorLate:
        isDeploymentResource(deployment) || (pulumi.Output.isInstance(deployment) && args.podSelector === undefined),
    };
    const made = singleRoute(this, { kind: "PinnedDeployment", name }, args, workload, (input, problems) =>
      planPinnedDeployment({ ...args, ...input }, problems),
    );
    this.addresses = made.addresses;
    this.routes = made.routes;
    withShortTraces(() => this.registerOutputs({ addresses: made.registered }));
  }
}
