import type * as pulumi from "@pulumi/pulumi";

import type { RouteNetwork } from "../model/route-network";
import type { PodNetwork } from "./pod-network";
import { isResource, type NetworkReference } from "./route-resources";

/** What a route knows of its network while the program runs. */
export function routeNetworkNow(reference: NetworkReference | undefined): RouteNetwork | undefined {
  return isResource(reference) ? (reference as PodNetwork).facts : undefined;
}

/** The same with nothing left to come. */
export function routeNetworkLater(reference: NetworkReference | undefined): pulumi.Output<RouteNetwork> | undefined {
  return isResource(reference) ? (reference as PodNetwork).settled : undefined;
}
