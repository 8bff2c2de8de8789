// Target instances. They cannot be changed: another VM is another target instance.
import { objects, text } from "../json";
import { keyOf, linkOf } from "../links";
import { maybeReferred, type Kind } from "../kind";
import { invalid, required } from "../refusal";
import { instanceIn, nicIn } from "./instance";

export const targetInstance: Kind = {
  collection: "targetInstances",
  message: "TargetInstance",
  scope: "zones",
  insert(body, at) {
    const given = text(body, "instance");
    if (given === "") throw required("resource.instance");
    const vm = instanceIn(at.scope, given, "resource.instance", at);
    const network = maybeReferred(body, "network", ["networks"], at);
    if (network !== undefined && nicIn(vm, "network", network.key) === undefined) {
      throw invalid("resource.network", text(body, "network"), "The instance has no interface in it.");
    }
    const natPolicy = text(body, "natPolicy") || "NO_NAT";
    const first = text(objects(vm.body, "networkInterfaces")[0] ?? {}, "network");
    const inside = network?.key ?? keyOf(first, "resource.network", ["networks"], at.project);
    return {
      // Without a network it is the one of the first interface; the field then stays empty.
      body: {
        ...body,
        instance: linkOf(vm.key),
        natPolicy,
        ...(network === undefined ? {} : { network: linkOf(inside) }),
      },
      uses: [inside, vm.key],
    };
  },
};
