// A program as a user of an earlier version has it, and what of its resources must stay the same.
import type * as pulumi from "@pulumi/pulumi";

import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";
import { FIXED_ROUTE_FIELDS } from "../../lib/model/route";
import { graphOf } from "./graph";

/** Whatever of this changes is a replacement or another object in the next preview of every user. */
export interface Identity {
  readonly type: string;
  readonly name: string;
  /** What Kubernetes knows the object by; absent for components and what is not of Kubernetes. */
  readonly object?: string;
  /** Values whose change replaces the object. */
  readonly fixed?: Readonly<Record<string, unknown>>;
}

export async function identities(): Promise<readonly Identity[]> {
  const { registered } = await graphOf(declareAll);
  return registered.map(({ type, name, inputs }) => {
    const { apiVersion, kind, metadata } = inputs as Partial<Manifest>;
    if (metadata === undefined) return { type, name };
    const paths = [...FIXED_ROUTE_FIELDS, "spec.gatewayClassName", "spec.selector"];
    const fixed = Object.fromEntries(
      paths.flatMap((path) => (at(inputs, path) === undefined ? [] : [[path, at(inputs, path)]])),
    );
    const object = [apiVersion, kind, metadata.namespace ?? "", metadata.name].join(" ");
    return { type, name, object, ...(Object.keys(fixed).length === 0 ? {} : { fixed }) };
  });
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function declareAll(opts: pulumi.ComponentResourceOptions): void {
  const image = "registry.example.com/podpin:0.1.0";
  const controller = new PersistentIpController("podpin", { image }, opts);
  const addresses = Array.from({ length: 20 }, (_, index) => `203.0.113.${index + 1}`);
  const many = PersistentIpPool.fromAddresses("many", { addresses, controller, allowedNamespaces: "All" }, opts);
  new PinnedPodRoute("all", { pool: many, namespace: "web", statefulSet: "db", ordinal: 0 }, opts);
  const plain = PersistentIpPool.fromAddresses("plain", { addresses: ["198.51.100.7"], namespace: "edge" }, opts);
  new PinnedPodRoute("proxy", { pool: plain, namespace: "edge", podSelector: { app: "proxy" } }, opts);
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}
