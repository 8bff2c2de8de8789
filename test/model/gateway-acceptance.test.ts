import { typedAddress } from "../../lib/model/address";
import {
  acceptBundle,
  acceptClass,
  acceptGateway,
  acceptListener,
  SUPPORTED_FEATURES,
} from "../../lib/model/gateway-acceptance";
import type { Listener } from "../../lib/model/gke-api";
import { A, aClass, aGateway, B } from "../support/objects";

const WITHOUT_CLOUD = { cloud: false };
const CIDR = "gke.networking.io/cidr";
const listener = (fields: Partial<Listener> = {}): Listener => ({
  name: "default",
  port: 443,
  protocol: "none",
  ...fields,
});

test.each([
  ["l2", true, "Accepted", "served by podpin, fabric l2"],
  ["none", true, "Accepted", "served by podpin, fabric none"],
  ["arp", false, "InvalidParameters", 'annotation podpin.dev/fabric is "arp"; set it to gce, l2 or none'],
])("a class with fabric %s: accepted %s", (fabric, accepted, reason, message) => {
  expect(acceptClass(aClass("c", fabric), WITHOUT_CLOUD)).toEqual({ accepted, reason, message });
});

const NAMES_NOTHING = (name: string): string =>
  `on fabric gce the name of a class says whether its addresses are external or internal, and ${name} does not; use podpin-regional-external or podpin-regional-internal`;

test.each([
  ["podpin-regional-external", true, true, "Accepted", "served by podpin, fabric gce"],
  ["podpin-regional-internal", true, true, "Accepted", "served by podpin, fabric gce"],
  ["gke-persistent-regional-internal-managed", true, true, "Accepted", "served by podpin, fabric gce"],
  ["mine", true, false, "InvalidParameters", NAMES_NOTHING("mine")],
  [
    "gke-passthrough-lb-external-managed",
    true,
    false,
    "InvalidParameters",
    NAMES_NOTHING("gke-passthrough-lb-external-managed"),
  ],
  [
    "podpin-regional-external",
    false,
    false,
    "Unsupported",
    "fabric gce needs Google Cloud, and this controller has no access to it: set googleCloudProject on PersistentIpController, or use a class of l2 or none",
  ],
])("class %s on Google Cloud, with access to it %s: accepted %s", (name, cloud, accepted, reason, message) => {
  expect(acceptClass(aClass(name, "gce"), { cloud })).toEqual({ accepted, reason, message });
});

test.each([
  ["podpin-regional-external", "gce", "EXTERNAL"],
  ["podpin-regional-internal", "gce", "INTERNAL"],
  ["podpin-regional-internal", "l2", undefined],
])("a Gateway of class %s on fabric %s has addresses that are %s", (name, fabric, addressType) => {
  expect(acceptGateway(aGateway({ gatewayClassName: name }), aClass(name, fabric), { cloud: true })).toMatchObject({
    accepted: true,
    fabric,
    addressType,
  });
});

test("a class without a fabric, or with parameters, is refused", () => {
  const bare = { ...aClass(), metadata: { name: "c" } };
  expect(acceptClass(bare, WITHOUT_CLOUD)).toMatchObject({
    reason: "InvalidParameters",
    message: "annotation podpin.dev/fabric is missing; set it to gce, l2 or none",
  });
  const withParameters = { ...aClass(), spec: { ...aClass().spec, parametersRef: { kind: "ConfigMap", name: "x" } } };
  expect(acceptClass(withParameters, WITHOUT_CLOUD)).toMatchObject({
    reason: "InvalidParameters",
    message: "spec.parametersRef is set; podpin takes no parameters, remove it",
  });
});

test.each([
  ["v1.0.0", true, "the Gateway API's definitions are of version v1.0.0"],
  ["", false, "the Gateway API's definitions do not say their version; podpin is made for v1, 1.0 or later"],
  ["v0.8.1", false, "the Gateway API's definitions are of version v0.8.1; podpin is made for v1, 1.0 or later"],
])("definitions of version %j: supported %s", (version, accepted, message) => {
  const reason = accepted ? "SupportedVersion" : "UnsupportedVersion";
  expect(acceptBundle(version)).toEqual({ accepted, reason, message });
});

test("the features of a class are sorted, as upstream wants them", () => {
  const names = SUPPORTED_FEATURES.map(({ name }) => name);
  expect(names).toEqual([...names].sort());
});

describe("a Gateway", () => {
  test("loses only the entries that cannot be used", () => {
    const gateway = aGateway({
      addresses: [typedAddress(A), { type: CIDR, value: "198.51.100.0/30" }, typedAddress(A)],
    });
    expect(acceptGateway(gateway, aClass(), WITHOUT_CLOUD)).toMatchObject({
      accepted: true,
      serves: true,
      addresses: [A],
      unusable: [
        'spec.addresses[1]: "198.51.100.0/30" is not one IPv4 address as a.b.c.d/32',
        `spec.addresses[2]: "${A}/32" is listed twice`,
      ],
    });
  });

  test("with an entry of another type is not accepted, as upstream wants it, and serves the others all the same", () => {
    const gateway = aGateway({ addresses: [typedAddress(A), { type: "IPAddress", value: B }] });
    expect(acceptGateway(gateway, aClass(), WITHOUT_CLOUD)).toMatchObject({
      accepted: false,
      reason: "UnsupportedAddress",
      message: 'spec.addresses[1]: type is "IPAddress"; use gke.networking.io/cidr',
      serves: true,
      addresses: [A],
    });
  });

  test.each([
    [
      "with parameters",
      { infrastructure: { parametersRef: {} } },
      "InvalidParameters",
      "spec.infrastructure.parametersRef is set; podpin takes no parameters, remove it",
    ],
    [
      "with no listener that is served",
      { listeners: [listener({ protocol: "HTTP" })] },
      "ListenersNotValid",
      'listener default: protocol HTTP is not supported; use "none": the addresses are those of whole Pods',
    ],
  ])("%s is refused", (_, spec, reason, message) => {
    expect(acceptGateway(aGateway(spec), aClass(), WITHOUT_CLOUD)).toMatchObject({
      accepted: false,
      reason,
      message,
      serves: false,
    });
  });

  test("is accepted while one listener is served, and says which is not", () => {
    const gateway = aGateway({ listeners: [listener(), listener({ name: "web", port: 80, protocol: "HTTP" })] });
    expect(acceptGateway(gateway, aClass(), WITHOUT_CLOUD)).toMatchObject({
      accepted: true,
      reason: "ListenersNotValid",
      message:
        'listener web: protocol HTTP is not supported; use "none": the addresses are those of whole Pods. The other listeners are served',
      serves: true,
    });
  });
});

const OURS = { group: "networking.gke.io", kind: "GKEIPRoute" };
test.each([
  ["no kinds", listener(), true, [OURS], []],
  ["our kind", listener({ allowedRoutes: { kinds: [OURS] } }), true, [OURS], []],
  [
    "our kind and others",
    listener({ allowedRoutes: { kinds: [{ kind: "HTTPRoute" }, OURS] } }),
    true,
    [OURS],
    ["HTTPRoute"],
  ],
  [
    "our kind without its group",
    listener({ allowedRoutes: { kinds: [{ kind: "GKEIPRoute" }] } }),
    true,
    [],
    ["GKEIPRoute"],
  ],
  ["a protocol with ports", listener({ protocol: "TCP" }), false, [], []],
])("a listener with %s", (_, given, accepted, kinds, foreignKinds) => {
  expect(acceptListener(given)).toMatchObject({ accepted, kinds, foreignKinds });
});
