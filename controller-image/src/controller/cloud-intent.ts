// What a route wants of a cloud that leads its packets: where to, for all of its addresses at once, and who may be next. The kernel
// of a node comes first, then the cloud, then the node before lets go. Pure.
import type { RouteVerdict } from "../../../lib/model/acceptance";
import { AckState, ackOf, isLedFabric, ownerAck, type AddressBinding } from "../../../lib/model/binding";
import { DEFAULT_NETWORK, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { isDefaultNetwork } from "../../../lib/model/selection";
import type { CloudIntent, CloudView, CloudWish } from "../fabric/cloud";
import { candidatesOf } from "./cloud-candidates";
import { isProgrammed, type BindingChange, type NodeView } from "./handover";

export type { CloudWish };

export interface WishInput {
  readonly route: GKEIPRoute;
  readonly verdict: RouteVerdict;
  readonly cloud: CloudView;
  readonly bindings: readonly AddressBinding[];
  /** What is about to be written of them. */
  readonly changes: readonly BindingChange[];
  /** The addresses that the route shall have. */
  readonly wanted: readonly string[];
  /** Those that it has not lost the right to, although it is not accepted just now. */
  readonly kept: readonly string[];
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
}

/** Undefined when the cloud has nothing to do with the route. */
export function cloudWish(input: WishInput): CloudWish | undefined {
  const { route, verdict, wanted, kept, bindings, cloud } = input;
  const intent = intentOf(input);
  if (intent !== undefined) return { verb: "want", intent };
  const own = bindings.filter(({ spec }) => spec.route.uid === route.metadata.uid && isLedFabric(spec.fabric));
  const led = new Set([...own.map(({ spec }) => spec.address), ...cloud.leads.keys()]);
  const keeps = kept.filter((address) => !cloud.known || led.has(address));
  if (keeps.length > 0) return { verb: "keep", addresses: [...keeps].sort() };
  // Of a route that was never led nothing can be there, also while the cloud has not been read.
  const elsewhere = own.length === 0 && (isElsewhere(verdict) || wanted.length > 0);
  return (cloud.known ? !cloud.empty : !elsewhere) ? { verb: "remove" } : undefined;
}

function isElsewhere({ fabric }: RouteVerdict): boolean {
  return fabric !== undefined && !isLedFabric(fabric);
}

function intentOf(input: WishInput): CloudIntent | undefined {
  const { route, verdict, wanted, cloud } = input;
  const { fabric, addressType } = verdict;
  if (wanted.length === 0 || fabric === undefined || !isLedFabric(fabric) || addressType === undefined)
    return undefined;
  const after = wanted.flatMap((address) => bindingAfter(address, input) ?? []);
  const leader = after.length === wanted.length ? leaderOf(after, input) : undefined;
  const { metadata, spec } = route;
  const network = spec.network ?? DEFAULT_NETWORK;
  return {
    route: { namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid ?? "" },
    network: isDefaultNetwork(network) ? DEFAULT_NETWORK : network,
    addressType,
    allowGlobalAccess: spec.allowGlobalAccess === true,
    addresses: [...wanted].sort(),
    epochs: new Map(after.map(({ spec: { address, epoch } }) => [address, epoch])),
    leader,
    candidates: candidatesOf({
      route,
      pods: input.pods,
      node: input.node,
      serving: after.map(({ spec: { nodeName } }) => nodeName),
      owners: after.flatMap(({ spec: { owner } }) => owner?.podUid ?? []),
    }),
    urgent: leader !== undefined && after.some((binding) => isLost(binding, leader, cloud, input.pods)),
  };
}

/** The binding of an address of the route as it will be. */
function bindingAfter(address: string, { bindings, changes, route }: WishInput): AddressBinding | undefined {
  const is = ({ spec }: AddressBinding): boolean => spec.address === address && spec.route.uid === route.metadata.uid;
  const change = changes.find(({ binding }) => is(binding));
  return change === undefined ? bindings.find(is) : change.verb === "delete" ? undefined : change.binding;
}

/**
 * The node that delivers all addresses. One whose node cannot deliver it stays behind no others: it loses nothing by going along,
 * as long as no node before it still serves it.
 */
function leaderOf(bindings: readonly AddressBinding[], { node }: WishInput): string | undefined {
  const [nodeName, another] = new Set(bindings.map(({ spec }) => spec.nodeName));
  if (nodeName === undefined || nodeName === "" || another !== undefined || node(nodeName) === undefined)
    return undefined;
  const programmed = bindings.filter(isProgrammed);
  const goesAlong = (binding: AddressBinding): boolean =>
    ownerAck(binding)?.state === AckState.Failed && binding.spec.releasing?.wait !== true;
  const all = bindings.every((binding) => isProgrammed(binding) || goesAlong(binding));
  return all && programmed.length > 0 ? nodeName : undefined;
}

/** Whether packets for the address are lost until the cloud leads them to the new node: they go elsewhere, and nobody serves there. */
function isLost(binding: AddressBinding, leader: string, cloud: CloudView, pods: readonly Pod[]): boolean {
  const { spec } = binding;
  if (!cloud.known || cloud.leads.get(spec.address) === leader || spec.led === undefined) return false;
  const { releasing } = spec;
  if (releasing?.wait !== true) return true;
  // The Pod that was served there, as its node said it.
  const uid = ackOf(binding, releasing.nodeName)?.podUid;
  return uid !== undefined && uid !== "" && !pods.some(({ metadata }) => metadata.uid === uid);
}
