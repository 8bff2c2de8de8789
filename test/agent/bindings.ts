// Bindings as the controller writes them, for tests of the agent.
import type { AddressBinding, AddressBindingSpec, BindingAck } from "../../lib/model/binding";

export const ME = "node-1";
export const OTHER = "node-2";
export const MY_IP = "10.0.0.11";
export const OTHER_IP = "10.0.0.12";

export interface BindingOptions extends Partial<AddressBindingSpec> {
  readonly acks?: readonly BindingAck[];
}

/** Pod `pod-1` on this node, epoch 1, delivery nat, fabric l2, unless told otherwise. */
export function binding(address: string, { acks, ...spec }: BindingOptions = {}): AddressBinding {
  return {
    apiVersion: "podpin.dev/v1alpha1",
    kind: "AddressBinding",
    metadata: { name: address },
    spec: {
      address,
      epoch: 1,
      route: { namespace: "default", name: "route", uid: "route-uid" },
      nodeName: ME,
      owner: { podName: "pod-1", podUid: "uid-1", podIp: "10.244.1.11" },
      delivery: "nat",
      fabric: "l2",
      network: "default",
      ...spec,
    },
    status: acks && { acks },
  };
}

/** The binding after a move away from this node. */
export function movedAway(address: string, options: BindingOptions & { readonly wait?: boolean } = {}): AddressBinding {
  const { wait = true, ...more } = options;
  return binding(address, {
    epoch: 2,
    nodeName: OTHER,
    owner: { podName: "pod-2", podUid: "uid-2", podIp: "10.244.2.11" },
    releasing: { nodeName: ME, epoch: 1, forwardTo: OTHER_IP, wait },
    ...more,
  });
}

/** The binding when nobody has the address any more. */
export function takenBack(address: string): AddressBinding {
  return binding(address, {
    epoch: 2,
    nodeName: "",
    owner: undefined,
    releasing: { nodeName: ME, epoch: 1, forwardTo: "", wait: false },
  });
}

export function ack(nodeName: string, epoch: number, state: BindingAck["state"], podUid: string): BindingAck {
  return { nodeName, epoch, state, podUid };
}
