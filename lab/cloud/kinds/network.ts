// Networks and their subnetworks.
import { isIPv4Cidr, numberToAddress, addressToNumber } from "../../../lib/model/address";
import { merged, text } from "../json";
import { linkOf } from "../links";
import { mustStay, referred, type Kind } from "../kind";
import { inUse, invalid, required, stale } from "../refusal";

export const network: Kind = {
  collection: "networks",
  message: "Network",
  scope: "global",
  serverSet: ["subnetworks", "gatewayIPv4"],
  insert: (body) => ({
    body: { autoCreateSubnetworks: false, mtu: 1460, routingConfig: { routingMode: "REGIONAL" }, ...body },
  }),
  actions: {
    patch(resource, body) {
      const after = merged(resource.body, body);
      mustStay(resource.body, after, ["name", "autoCreateSubnetworks", "description"], "It cannot be changed.");
      return [{ ...resource, body: after }];
    },
  },
};

const RANGE = "ipCidrRange";

export const subnetwork: Kind = {
  collection: "subnetworks",
  message: "Subnetwork",
  scope: "regions",
  serverSet: ["gatewayAddress", "fingerprint", "state"],
  insert(body, at) {
    const inside = referred(body, "network", ["networks"], at);
    const range = text(body, RANGE);
    if (range === "") throw required(`resource.${RANGE}`);
    if (!isIPv4Cidr(range)) throw invalid(`resource.${RANGE}`, range, "It is not a range of IPv4 addresses.");
    for (const key of at.state.usersOf(inside.key)) {
      const other = key === at.key ? "" : text(at.state.get(key)?.body ?? {}, RANGE);
      if (other !== "" && overlap(range, other)) throw inUse(range, key);
    }
    const [base = ""] = range.split("/");
    return {
      body: {
        purpose: "PRIVATE",
        privateIpGoogleAccess: false,
        stackType: "IPV4_ONLY",
        ...body,
        network: linkOf(inside.key),
        gatewayAddress: numberToAddress(addressToNumber(base) + 1),
        fingerprint: at.stamp,
      },
      uses: [inside.key],
    };
  },
  actions: {
    patch(resource, body, at) {
      if (text(body, "fingerprint") !== text(resource.body, "fingerprint")) throw stale("fingerprint");
      const after = merged(resource.body, body);
      mustStay(resource.body, after, ["name", "network", RANGE, "purpose"], "It cannot be changed by a PATCH.");
      return [{ ...resource, body: { ...after, fingerprint: at.stamp } }];
    },
  },
};

function overlap(left: string, right: string): boolean {
  const [[l0, l1], [r0, r1]] = [bounds(left), bounds(right)];
  return l0 < r1 && r0 < l1;
}

function bounds(range: string): [number, number] {
  const [base = "", bits = ""] = range.split("/");
  const first = addressToNumber(base);
  return [first, first + 2 ** (32 - Number(bits))];
}
