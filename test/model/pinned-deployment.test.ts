import { LATER } from "../../lib/model/later";
import { planPinnedDeployment, type PinnedDeploymentInput } from "../../lib/model/pinned-deployment";
import { planPool } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";

const pool = planPool(
  { name: "n2", addresses: ["198.51.100.7", "198.51.100.8"], allowedNamespaces: "All", controller: {} },
  new Problems(),
);

function plan(input: Partial<PinnedDeploymentInput>) {
  const problems = new Problems();
  const route = planPinnedDeployment({ name: "proxy", pool, ...input }, problems);
  return { route, lines: problems.lines };
}

const web = {
  name: "web",
  namespace: "edge",
  labels: { app: "web" },
  template: { spec: { containers: [{ readinessProbe: {} }] } },
};

test("takes the namespace and the selector of the Deployment", () => {
  const expressions = [{ key: "track", operator: "In" as const, values: ["stable"] }];
  const { route, lines } = plan({ deployment: { ...web, expressions } });
  expect(lines).toEqual([]);
  expect(route.namespace).toBe("edge");
  expect(route.podSelector).toEqual({ matchLabels: { app: "web" }, matchExpressions: expressions });
});

test("takes labels of one's own in place of the Deployment's", () => {
  const { route, lines } = plan({ deployment: { name: "web" }, podSelector: { app: "web", tier: "edge" } });
  expect(lines).toEqual([]);
  expect(route.podSelector).toEqual({ matchLabels: { app: "web", tier: "edge" } });
});

test("leaves the selector open while the Deployment is not known yet", () => {
  const { route, lines } = plan({ deployment: { name: LATER, namespace: LATER, labels: LATER, template: LATER } });
  expect(lines).toEqual([]);
  expect(route.podSelector).toBe(LATER);
});

test.each<[string, Partial<PinnedDeploymentInput>, string[]]>([
  [
    "a StatefulSet in its place",
    { deployment: { ...web, givenKind: "StatefulSet" } },
    [
      "deployment: got a StatefulSet; use PinnedStatefulSet, by which each of its Pods has its own, or PinnedPodRoute for one of them",
    ],
  ],
  ["the kind that it is", { deployment: { ...web, givenKind: "Deployment" } }, []],
  [
    "no Deployment",
    { podSelector: { app: "web" } },
    ["deployment: got nothing; pass the Deployment, or its name together with podSelector"],
  ],
  [
    "a name alone",
    { deployment: { name: "web" } },
    [
      "podSelector: got nothing; the name of a Deployment does not tell its labels: pass the Deployment, or podSelector",
    ],
  ],
  [
    "interfaces that GKE cannot read",
    {
      deployment: {
        ...web,
        template: {
          ...web.template,
          metadata: { annotations: { "networking.gke.io/interfaces": "[{'interfaceName':'eth0'}]" } },
        },
      },
      network: "blue",
    },
    [
      'annotations["networking.gke.io/interfaces"] of Deployment "web": got "[{\'interfaceName\':\'eth0\'}]"; GKE reads a JSON list whose entries have interfaceName and either network or interface: write it with podInterfaces',
    ],
  ],
  [
    "interfaces without the one that has the default route",
    {
      deployment: {
        ...web,
        template: {
          ...web.template,
          metadata: {
            annotations: {
              "networking.gke.io/interfaces":
                '[{"interfaceName":"eth0","network":"default"},{"interfaceName":"eth1","network":"blue"}]',
            },
          },
        },
      },
    },
    [
      'annotations["networking.gke.io/default-interface"] of Deployment "web": got nothing; GKE needs it beside networking.gke.io/interfaces, with the name of one of its interfaces: use "eth0" or "eth1", or write both annotations with podInterfaces',
    ],
  ],
  [
    "no readiness probe",
    { deployment: { ...web, template: { spec: { containers: [{}] } } } },
    [
      'reactionMode: got "ReadyCondition"; no container of Deployment "web" has a readinessProbe, so a Pod would have the addresses before it can answer: add a probe, or accept that with allowNoReadinessProbe: true',
    ],
  ],
  [
    "labels that its Pods do not have",
    {
      deployment: { ...web, template: { ...web.template, metadata: { labels: { app: "web", tier: LATER } } } },
      podSelector: { app: "www", tier: "edge" },
    },
    [
      'podSelector: got {"app":"www","tier":"edge"}; the Pods of Deployment "web" have the labels {"app":"web"}, so none would match: use those, or leave podSelector out',
    ],
  ],
  [
    "labels of which one is not known yet",
    {
      deployment: { ...web, template: { ...web.template, metadata: { labels: { app: "web", tier: LATER } } } },
      podSelector: { app: "web", tier: "edge" },
    },
    [],
  ],
  [
    "another namespace than the Deployment's",
    { deployment: web, namespace: "data" },
    [
      'namespace: got "data"; the Deployment is in "edge", and a route finds Pods only in its own namespace: use that, or leave namespace out',
    ],
  ],
  [
    "a network that the template has no interface on",
    { deployment: web, network: "blue" },
    [
      'network: got "blue"; the Pod template of Deployment "web" has no interface on it: spread podInterfaces([{ interfaceName: "eth1", network: "blue" }]) into the annotations of the template',
    ],
  ],
  [
    "an address that a StatefulSet has",
    { deployment: web, claims: new Map([[0, { holder: 'PinnedStatefulSet "db"' }]]) },
    [
      'addresses[0]: got "198.51.100.7"; PinnedStatefulSet "db" has it already, and this takes all of the pool: set addresses to leave that one out',
    ],
  ],
])("judges %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});
