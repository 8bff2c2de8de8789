import { LATER } from "../../lib/model/later";
import { networksOf, podInterfaces } from "../../lib/model/pod-interfaces";
import { checkPodNetwork, networkObject, paramSetObject, type PodNetworkInput } from "../../lib/model/pod-network";
import { Problems } from "../../lib/model/problems";

const linesOf = (input: Partial<PodNetworkInput>) => {
  const problems = new Problems();
  checkPodNetwork({ name: "blue-network", ...input }, problems);
  return problems.lines;
};
const layer3 = { vpc: "blue", subnetwork: "blue-us", secondaryRanges: ["pods"] };
const device = { type: "Device", vpc: "blue", subnetwork: "blue-us", deviceMode: "NetDevice" } as const;
const attachment = "projects/my-project/regions/us-central1/networkAttachments/blue";

test.each<[string, Partial<PodNetworkInput>, string[]]>([
  ["a network of type L3", layer3, []],
  ["values that are not known yet", { vpc: LATER, subnetwork: LATER, secondaryRanges: [LATER] }, []],
  ["a network of type Device", device, []],
  ["a network attachment", { networkAttachment: attachment }, []],
  [
    "the name of the primary network",
    { ...layer3, name: "default" },
    ['name: got "default"; that is the primary network of every Pod, which needs no object: use another name'],
  ],
  ["a type in the wrong case", { ...layer3, type: "l3" as never }, ['type: got "l3"; use "L3"']],
  [
    "half of VPC and subnetwork",
    { subnetwork: "blue-us", secondaryRanges: ["pods"] },
    ["vpc: got nothing; GKE needs vpc and subnetwork together, or networkAttachment alone (GNPConfigInvalid)"],
  ],
  [
    "an attachment beside other fields",
    { ...layer3, networkAttachment: attachment },
    [
      `networkAttachment: got "${attachment}"; GKE takes it alone (GNPConfigInvalid): leave vpc, subnetwork, secondaryRanges out`,
    ],
  ],
  [
    "an attachment on a Device network",
    { type: "Device", networkAttachment: attachment },
    [
      `networkAttachment: got "${attachment}"; only networks of type L3 can have one (NetworkAttachmentUnsupported): use type "L3", or vpc and subnetwork`,
    ],
  ],
  [
    "the short name of an attachment",
    { networkAttachment: "blue" },
    [
      'networkAttachment: got "blue"; use its whole name (NetworkAttachmentInvalid), for example "projects/my-project/regions/us-central1/networkAttachments/blue"',
    ],
  ],
  [
    "an L3 network without ranges",
    { vpc: "blue", subnetwork: "blue-us" },
    [
      "secondaryRanges: got nothing; a network of type L3 needs a secondary range of its subnetwork for the Pods (SecondaryRangeAndDeviceModeUnspecified): name at least one",
    ],
  ],
  [
    "an L3 network with a device mode",
    { ...layer3, deviceMode: "NetDevice" },
    [
      'deviceMode: got "NetDevice"; only networks of type Device have one (DeviceModeCantBeUsedWithSecondaryRange): leave it out, or use type "Device" without secondaryRanges',
    ],
  ],
  [
    "an L3 network with a device mode in place of ranges",
    { vpc: "blue", subnetwork: "blue-us", deviceMode: "RDMA" },
    [
      "secondaryRanges: got nothing; a network of type L3 needs a secondary range of its subnetwork for the Pods (L3SecondaryMissing): name at least one",
      'deviceMode: got "RDMA"; only networks of type Device have one: leave it out, or use type "Device" without secondaryRanges',
    ],
  ],
  [
    "a Device network without a mode",
    { ...device, deviceMode: undefined },
    [
      'deviceMode: got nothing; a network of type Device needs one (SecondaryRangeAndDeviceModeUnspecified): use "NetDevice", "DPDK-VFIO" or "RDMA"',
    ],
  ],
  [
    "a Device network with ranges in place of a mode",
    { ...device, deviceMode: undefined, secondaryRanges: ["pods", LATER] },
    [
      'deviceMode: got nothing; a network of type Device needs one (DeviceModeMissing): use "NetDevice", "DPDK-VFIO" or "RDMA"',
      'secondaryRanges: got ["pods","a value that is not known yet"]; a Device network takes the card\'s own address (DeviceModeCantBeUsedWithSecondaryRange): leave them out',
    ],
  ],
  [
    "a mode in the wrong case",
    { ...device, deviceMode: "dpdk-vfio" as never },
    ['deviceMode: got "dpdk-vfio"; use "DPDK-VFIO"'],
  ],
  [
    "routes and servers that are none",
    { ...layer3, routes: ["0.0.0.0/0", "10.20.0.1/16"], gateway4: "10.20.0", nameservers: ["dns"] },
    [
      'routes[0]: got "0.0.0.0/0"; the default route stays on the primary network: name the ranges that this network leads to',
      'routes[1]: got "10.20.0.1/16"; use an IPv4 CIDR whose host bits are zero, for example "10.20.0.0/16"',
      'gateway4: got "10.20.0"; use one IPv4 address, for example "10.20.0.1"',
      'nameservers[0]: got "dns"; use one IPv4 address, for example "10.20.0.53"',
    ],
  ],
  [
    "a cluster without multi-networking",
    { ...layer3, cluster: { name: "core", multiNetworking: false, network: "core" } },
    ['cluster: got "core"; its Pods have one network: create it with enableMultiNetworking: true'],
  ],
  [
    "a Device network on the cluster's own VPC network",
    { ...device, cluster: { name: "core", multiNetworking: true, network: "projects/p/global/networks/blue" } },
    [
      'vpc: got "blue"; that is the cluster\'s own (DeviceModeCantUseDefaultVPC): a Device network needs another VPC network',
    ],
  ],
  [
    "a cluster of which nothing is known",
    { ...device, cluster: { name: LATER, multiNetworking: LATER, network: LATER } },
    [],
  ],
  [
    "search domains without a name server",
    { ...layer3, searchDomains: ["example.com"] },
    ['searchDomains: got ["example.com"]; they count only with nameservers: name at least one'],
  ],
])("judges %s", (_, input, lines) => {
  expect(linesOf(input)).toEqual(lines);
});

test("writes the two objects as GKE documents them", () => {
  const input = {
    name: "blue-network",
    routes: ["10.20.0.0/16"],
    gateway4: "10.20.0.1",
    nameservers: ["10.20.0.53"],
    searchDomains: ["example.com"],
  };
  expect(networkObject(input, "L3")).toEqual({
    apiVersion: "networking.gke.io/v1",
    kind: "Network",
    metadata: { name: "blue-network" },
    spec: {
      type: "L3",
      parametersRef: { group: "networking.gke.io", kind: "GKENetworkParamSet", name: "blue-network" },
      routes: [{ to: "10.20.0.0/16" }],
      gateway4: "10.20.0.1",
      dnsConfig: { nameservers: ["10.20.0.53"], searches: ["example.com"] },
    },
  });
  expect(paramSetObject(input, layer3)).toEqual({
    apiVersion: "networking.gke.io/v1",
    kind: "GKENetworkParamSet",
    metadata: { name: "blue-network" },
    spec: { vpc: "blue", vpcSubnet: "blue-us", podIPv4Ranges: { rangeNames: ["pods"] } },
  });
});

test("writes the annotations of the how-to", () => {
  expect(podInterfaces([{ interfaceName: "eth1", network: "blue-network" }])).toEqual({
    "networking.gke.io/default-interface": "eth0",
    "networking.gke.io/interfaces":
      '[{"interfaceName":"eth0","network":"default"},{"interfaceName":"eth1","network":"blue-network"}]',
  });
});

test("says all that is wrong with interfaces", () => {
  const interfaces = [
    { interfaceName: "eth0", network: "Blue" },
    { interfaceName: "a-name-that-is-too-long", network: "red" },
  ];
  expect(() => podInterfaces(interfaces, "eth7")).toThrow(
    [
      "podInterfaces is not valid:",
      '  - interfaces[0].interfaceName: got "eth0"; another interface of the Pod has that name: give each its own',
      '  - interfaces[0].network: got "Blue"; use "blue"',
      '  - interfaces[1].interfaceName: got "a-name-that-is-too-long"; use 1 to 15 characters without spaces, "/" and ":", for example "eth1"',
      '  - defaultInterface: got "eth7"; use one of "eth0", "a-name-that-is-too-long"',
    ].join("\n"),
  );
});

test.each([
  ['[{"interfaceName":"eth1","network":"blue"}]', ["blue"]],
  ['[{"interfaceName":"eth1","interface":"made"}]', undefined],
  ["not json", undefined],
  ["{}", undefined],
])("reads the networks of %s", (annotation, networks) => {
  expect(networksOf(annotation)).toEqual(networks);
});
