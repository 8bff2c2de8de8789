import type { Kind } from "../kind";
import { address } from "./address";
import { backendService } from "./backend-service";
import { firewall } from "./firewall";
import { forwardingRule } from "./forwarding-rule";
import { healthCheck } from "./health-check";
import { instance } from "./instance";
import { network, subnetwork } from "./network";
import { networkEndpointGroup } from "./network-endpoint-group";
import { publicAdvertisedPrefix, publicDelegatedPrefix } from "./prefix";
import { targetInstance } from "./target-instance";

/** By collection. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(
  [
    address,
    backendService,
    firewall,
    forwardingRule,
    healthCheck,
    instance,
    network,
    networkEndpointGroup,
    publicAdvertisedPrefix,
    publicDelegatedPrefix,
    subnetwork,
    targetInstance,
  ].map((kind) => [kind.collection, kind]),
);
