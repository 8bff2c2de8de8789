import {
  address,
  firewall,
  network,
  publicAdvertisedPrefix,
  publicDelegatedPrefix,
  regionHealthCheck,
  subnetwork,
} from "./compute";
import { cluster, nodePool } from "./container";
import { customRole, member } from "./projects";
import type { ResourceType } from "./resource-type";

const ALL: readonly ResourceType[] = [
  address,
  cluster,
  customRole,
  firewall,
  member,
  network,
  nodePool,
  publicAdvertisedPrefix,
  publicDelegatedPrefix,
  regionHealthCheck,
  subnetwork,
];

export const TYPES: ReadonlyMap<string, ResourceType> = new Map(ALL.map((type) => [type.type, type]));
