// One call of `decide` with a small world around it, and short readings of what came out.
import { acceptRoute } from "../../lib/model/acceptance";
import type { AddressBinding, BindingAck } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import type { Pod } from "../../lib/model/kubernetes";
import { decide, type DecideInput, type Decision } from "../../controller-image/src/controller/decide";
import type { NodeView } from "../../controller-image/src/controller/handover";
import { aPod, aRoute, aView } from "../support/objects";

export const NOW = "2026-01-01T00:10:00.000Z";

export const aNodeView = (address: string, fields: Partial<NodeView> = {}): NodeView => ({
  address,
  ready: true,
  unreadyMs: 0,
  lost: false,
  heard: true,
  cordoned: false,
  ...fields,
});

export const NODES: Readonly<Record<string, NodeView>> = {
  node1: aNodeView("172.30.0.11"),
  node2: aNodeView("172.30.0.12"),
  node3: aNodeView("172.30.0.13"),
};

/** The nodes, one of them changed. */
export const withNode =
  (name: string, fields: Partial<NodeView> | undefined): DecideInput["node"] =>
  (asked) =>
    asked !== name ? NODES[asked] : fields && aNodeView(NODES[name]?.address ?? "", fields);

export function decided(input: Partial<DecideInput> & { route?: GKEIPRoute }): Decision {
  const route = input.route ?? aRoute();
  return decide({
    route,
    verdict: acceptRoute(route, aView()),
    rivals: new Map(),
    pods: [],
    node: (name) => NODES[name],
    bindings: [],
    waitedMs: () => 0,
    now: NOW,
    ...input,
  });
}

export const acked = (state: BindingAck["state"], epoch = 1, podUid = "p-uid", nodeName = "node1"): BindingAck => ({
  nodeName,
  epoch,
  podUid,
  state,
});

export const p = (fields = {}): Pod => aPod("p", fields);

export const conditions = (decision: Decision): Record<string, string> =>
  Object.fromEntries(
    (decision.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );

export const spec = (decision: Decision): AddressBinding["spec"] | undefined => decision.changes[0]?.binding.spec;
