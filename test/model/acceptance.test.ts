import { acceptRoute, claimsBefore, isOurRoute } from "../../lib/model/acceptance";
import { typedAddress } from "../../lib/model/address";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { A, aClass, aGateway, aRoute, aView, B, type ViewFields } from "../support/objects";

const CIDR = "gke.networking.io/cidr";
const onGoogleCloud = aGateway({ gatewayClassName: "podpin-regional-external" });

describe("a route is accepted or refused with GKE's reason", () => {
  test("accepts addresses that its Gateway lists, each once and in the route's order", () => {
    const route = aRoute({ addresses: [typedAddress(B), typedAddress(A), typedAddress(B)] });
    expect(acceptRoute(route, aView())).toEqual({
      accepted: true,
      reason: "Accepted",
      message: "the route is accepted",
      fabric: "l2",
      addresses: [B, A],
      keeps: [B, A],
    });
  });

  const cases: [string, GKEIPRoute, ViewFields, string, string][] = [
    [
      "an empty selector",
      aRoute({ podSelector: {} }),
      {},
      "InvalidLabels",
      "podSelector is empty; it must name at least one label",
    ],
    [
      "an unknown operator",
      aRoute({ podSelector: { matchExpressions: [{ key: "app", operator: "Like", values: ["x"] }] } }),
      {},
      "InvalidLabels",
      'podSelector: operator "Like" on label "app" is not one of In, NotIn, Exists, DoesNotExist',
    ],
    ["no parentRefs", aRoute({ parentRefs: [] }), {}, "MissingParentRefs", "spec.parentRefs names no Gateway"],
    [
      "a Gateway that does not exist",
      aRoute({ parentRefs: [{ name: "nowhere" }] }),
      {},
      "GatewayNotFound",
      "Gateway edge/nowhere does not exist",
    ],
    [
      "a Gateway of another controller",
      aRoute(),
      { gateways: [aGateway({ gatewayClassName: "other" })] },
      "GatewayNotAccepted",
      "Gateway default/allowed has class other, which podpin does not serve",
    ],
    [
      "a Gateway whose class has a fabric that is not served",
      aRoute(),
      { classes: [aClass("podpin-regional-external", "gce")], gateways: [onGoogleCloud] },
      "GatewayNotAccepted",
      "Gateway default/allowed is not accepted: class podpin-regional-external is not accepted: fabric gce needs Google Cloud, and this controller has no access to it: set googleCloudProject on PersistentIpController, or use a class of l2 or none",
    ],
    [
      "a namespace that no listener admits",
      aRoute(),
      { gateways: [aGateway({ listeners: [{ name: "default", allowedRoutes: { namespaces: { from: "Same" } } }] })] },
      "Unattachable",
      "no listener of Gateway default/allowed admits routes of namespace edge",
    ],
    [
      "load balancing",
      aRoute({ loadBalancing: { healthCheckName: "probe" } }),
      {},
      "Unattachable",
      "spec.loadBalancing is not served by podpin: an address has one Pod at a time; remove it, or use a Gateway of GKE's classes",
    ],
    [
      "a delivery that nobody knows",
      aRoute({}, { annotations: { "podpin.dev/delivery": "Nat" } }),
      {},
      "Unattachable",
      'annotation podpin.dev/delivery is "Nat"; use app, interface, nat, or leave it out for app',
    ],
    [
      "Gateways of external and of internal addresses",
      aRoute({ parentRefs: ["allowed", "inner"].map((name) => ({ name, namespace: "default" })) }),
      {
        classes: [aClass("podpin-regional-external", "gce"), aClass("podpin-regional-internal", "gce")],
        gateways: [onGoogleCloud, aGateway({ gatewayClassName: "podpin-regional-internal" }, { name: "inner" })],
        cloud: true,
      },
      "Unattachable",
      "spec.parentRefs names Gateways of external and of internal addresses; use one route for each",
    ],
    [
      "global access to what anybody can reach anyway",
      aRoute({ allowGlobalAccess: true }),
      { classes: [aClass("podpin-regional-external", "gce")], gateways: [onGoogleCloud], cloud: true },
      "Unattachable",
      "spec.allowGlobalAccess is for internal addresses, and these are external, which anybody can reach; remove it, or use a Gateway of class podpin-regional-internal",
    ],
    [
      "a value that is not /32",
      aRoute({ addresses: [{ type: CIDR, value: "198.51.100.0/24" }] }),
      {},
      "InvalidAddresses",
      'spec.addresses[0]: "198.51.100.0/24" is not one IPv4 address as a.b.c.d/32',
    ],
    [
      "the schema's default address type",
      aRoute({ addresses: [{ type: "IPAddress", value: `${A}/32` }] }),
      {},
      "InvalidAddresses",
      'spec.addresses[0]: type is "IPAddress"; use gke.networking.io/cidr',
    ],
    [
      "an address that the Gateway does not list",
      aRoute({ addresses: [typedAddress("198.51.100.99")] }),
      {},
      "InvalidAddresses",
      "198.51.100.99/32: not listed by Gateway default/allowed",
    ],
    [
      "a network that does not exist",
      aRoute({ network: "blue" }),
      {},
      "NetworkNotFound",
      "Network blue does not exist",
    ],
    [
      "a network that is not ready",
      aRoute({ network: "blue" }),
      {
        networks: [
          {
            metadata: { name: "blue" },
            status: { conditions: [{ type: "Ready", status: "False", reason: "ParamsNotReady", message: "wait" }] },
          },
        ],
      },
      "NetworkNotReady",
      "Network blue is not Ready: ParamsNotReady: wait",
    ],
  ];
  test.each(cases)("refuses %s", (_, route, view, reason, message) => {
    expect(acceptRoute(route, aView(view))).toMatchObject({ accepted: false, reason, message });
  });

  test("keeps what it has while its Gateway is missing, and loses what the Gateway no longer lists", () => {
    const route = aRoute({ addresses: [typedAddress(A), typedAddress(B)] });
    expect(acceptRoute(route, aView({ gateways: [] })).keeps).toEqual([A, B]);
    const shrunk = aView({ gateways: [aGateway({ addresses: [typedAddress(B)] })] });
    expect(acceptRoute(route, shrunk).keeps).toEqual([B]);
  });

  test("keeps nothing when its namespace is no longer admitted", () => {
    const closed = aGateway({ listeners: [{ name: "default", allowedRoutes: { namespaces: { from: "Same" } } }] });
    expect(acceptRoute(aRoute(), aView({ gateways: [closed] })).keeps).toEqual([]);
  });

  test.each([
    ["the labels match", { team: "amf" }, true],
    ["the labels differ", { team: "smf" }, false],
  ])("a Selector listener decides by the namespace's labels: %s", (_, labels, accepted) => {
    const gateway = aGateway({
      listeners: [
        {
          name: "default",
          allowedRoutes: { namespaces: { from: "Selector", selector: { matchLabels: { team: "amf" } } } },
        },
      ],
    });
    const view = aView({ gateways: [gateway], namespaces: { edge: labels } });
    expect(acceptRoute(aRoute(), view).accepted).toBe(accepted);
  });

  test("sectionName picks the listener", () => {
    const gateway = aGateway({
      listeners: [
        { name: "open", allowedRoutes: { namespaces: { from: "All" } } },
        { name: "closed", allowedRoutes: { namespaces: { from: "Same" } } },
      ],
    });
    const view = aView({ gateways: [gateway] });
    const refs = (sectionName: string) => [{ name: "allowed", namespace: "default", sectionName }];
    expect(acceptRoute(aRoute({ parentRefs: refs("open") }), view).accepted).toBe(true);
    expect(acceptRoute(aRoute({ parentRefs: refs("closed") }), view).reason).toBe("Unattachable");
  });
});

describe("whose route it is", () => {
  const gke = { metadata: { name: "gke" }, spec: { controllerName: "networking.gke.io/persistent-ip-controller" } };
  test.each([
    ["our class", aGateway(), true, true],
    ["GKE's class", aGateway({ gatewayClassName: "gke" }), true, false],
    ["a class that does not exist, beside GKE's controller", aGateway({ gatewayClassName: "none" }), true, false],
    ["a class that does not exist, alone", aGateway({ gatewayClassName: "none" }), false, true],
  ])("%s", (_, gateway, gkePresent, ours) => {
    const view = aView({ gateways: [gateway], classes: [aClass(), gke] });
    expect(isOurRoute(aRoute(), view, gkePresent)).toBe(ours);
  });
});

test("of two claims the older wins; of equal age the first by namespace and name", () => {
  const old = aRoute({}, { name: "z", creationTimestamp: "2026-01-01T00:00:00Z" });
  const young = aRoute({}, { name: "a", creationTimestamp: "2026-01-01T00:00:01Z" });
  expect(claimsBefore(old, young)).toBe(true);
  expect(claimsBefore(young, old)).toBe(false);
  const same = aRoute({}, { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" });
  expect(claimsBefore(same, old)).toBe(true);
});
