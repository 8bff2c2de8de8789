// One call of `decide` for a route on a fabric that is led, and short readings of what came out.
import { acceptRoute } from "../../lib/model/acceptance";
import type { AddressBinding, AddressBindingSpec, BindingAck } from "../../lib/model/binding";
import type { CloudIntent, CloudView } from "../../controller-image/src/fabric/cloud";
import type { DecideInput, Decision } from "../../controller-image/src/controller/decide";
import { aBinding, aClass, aGateway, aPod, aRoute, aView } from "../support/objects";
import { acked, decided } from "./decided";

export const CLASS = "podpin-regional-external";
export const VIEW = aView({
  classes: [aClass(CLASS, "gce")],
  gateways: [aGateway({ gatewayClassName: CLASS })],
  cloud: true,
});
export const onCloud = (leads: Readonly<Record<string, string>> = {}, fields: Partial<CloudView> = {}): CloudView => ({
  known: true,
  leads: new Map(Object.entries(leads)),
  empty: Object.keys(leads).length === 0,
  ...fields,
});
export const UNREAD: CloudView = { known: false, leads: new Map(), empty: true };

export const led = (input: Partial<DecideInput>): Decision => {
  const route = input.route ?? aRoute();
  return decided({ route, verdict: acceptRoute(route, VIEW), cloud: onCloud(), ...input });
};
export const intent = ({ cloud }: Decision): CloudIntent | undefined =>
  cloud?.verb === "want" ? cloud.intent : undefined;
export const said = (decision: Decision, type = "GCPReady"): string => {
  const { status, reason, message } = decision.status?.conditions.find((one) => one.type === type) ?? {};
  return `${status} ${reason}: ${message}`;
};
export const binding = (fields: Partial<AddressBindingSpec> = {}, acks: readonly BindingAck[] = []): AddressBinding =>
  aBinding({ fabric: "gce", ...fields }, acks);

export const q = aPod("q", { node: "node2", ip: "10.244.2.7", created: "2026-01-01T00:05:00Z" });
export const r = aPod("r", { node: "node3", ip: "10.244.3.3", created: "2026-01-01T00:06:00Z" });
export const on1 = { nodeName: "node1", epoch: 1 };
export const served = binding({ led: on1 }, [acked("Announced")]);
/** From p on node1 to q on node2. */
export const moving = (acks: readonly BindingAck[], fields: Partial<AddressBindingSpec> = {}): AddressBinding =>
  binding(
    {
      epoch: 2,
      nodeName: "node2",
      owner: { podName: "q", podUid: "q-uid", podIp: "10.244.2.7" },
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: true },
      led: on1,
      ...fields,
    },
    acks,
  );
export const oldAck = acked("Announced");
export const newAck = acked("Programmed", 2, "q-uid", "node2");
