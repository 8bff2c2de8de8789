// Checks of what a program learns only while it is deployed.
import { type Answers, answersOf, said } from "./told";

let answers: Answers;

beforeAll(() => {
  answers = answersOf("late-values.ts");
}, 60_000);

test.each([
  [
    "no address",
    "no-address",
    'PersistentIpPool "no-address" is not valid:\n  - addresses[1]: got "2001:db8::1"; persistent addresses are IPv4 only, use an IPv4 address',
  ],
  [
    "the same address twice",
    "same-address",
    'PersistentIpPool "same-address" is not valid:\n  - addresses[1]: got "198.51.100.7/32"; that is addresses[0] already, list each address once',
  ],
  [
    "a zone for a region",
    "late-zone",
    'PersistentIpPool "late-zone" is not valid:\n  - region: got "us-central1-a"; that is a zone, use its region "us-central1"',
  ],
  [
    "a value outside the subnetwork",
    "late-range",
    'PersistentIpPool "late-range" is not valid:\n  - addresses[0]: got "10.0.16.5"; the subnetwork\'s range is "10.0.0.0/20", use an address of that',
  ],
  [
    "a cluster in another region",
    "late-cluster-region",
    'PersistentIpPool "late-cluster-region" is not valid:\n' +
      '  - region: got "europe-west1"; cluster "core" is in "us-central1", and addresses must be in its region\n' +
      '  - cluster: got "core"; it has no Dataplane V2, which GKE\'s own controller needs: use a cluster that has, or pass a controller',
  ],
  [
    "a cluster without Dataplane V2",
    "late-dataplane",
    'PersistentIpPool "late-dataplane" is not valid:\n  - cluster: got "core"; it has no Dataplane V2, which GKE\'s own controller needs: use a cluster that has, or pass a controller',
  ],
  [
    "no delegated prefix yet",
    "late-prefix",
    'PersistentIpPool "late-prefix" is not valid:\n  - ipCollection: got nothing; no prefix is delegated yet: set delegatedRange on the ByoipPrefix, or leave it out',
  ],
  [
    "an address of the other type",
    "late-type",
    'PersistentIpPool "late-type" is not valid:\n  - addresses[0]: got "198.51.100.7"; it was reserved with addressType "INTERNAL", and the pool is "EXTERNAL": make the two agree',
  ],
  [
    "an address outside the pool",
    "foreign-address",
    'PinnedPodRoute "foreign-address" is not valid:\n  - addresses[0]: got "203.0.113.9"; pool "n2" does not list it: add it to the pool, or use one of pool.addresses',
  ],
  [
    "too few replicas",
    "few-replicas",
    'PinnedPodRoute "few-replicas" is not valid:\n  - ordinal: got 2; StatefulSet "db" has 2 replicas: use 0 to 1, or set replicas to at least 3',
  ],
  [
    "a namespace that is not admitted",
    "closed-namespace",
    'PinnedPodRoute "closed-namespace" is not valid:\n  - namespace: got "data"; pool "n2" admits only routes of its own namespace "default": set allowedNamespaces on the pool',
  ],
  [
    "more Pods than addresses",
    "more-pods",
    'PinnedStatefulSet "more-pods" is not valid:\n  - ordinals: got 2 addresses for 3 Pods of StatefulSet "db"; add 1 more to pool "n2" or set ordinals: { from: 0, to: 1 }',
  ],
  [
    "fewer Pods than routes",
    "fewer-pods",
    'PinnedStatefulSet "fewer-pods" is not valid:\n  - replicas: got addresses for 2 Pods, and StatefulSet "db" has 1; say so with replicas: 1, and the others stay free',
  ],
  [
    "no readiness probe",
    "no-probe",
    'PinnedStatefulSet "no-probe" is not valid:\n  - reactionMode: got "ReadyCondition"; no container of StatefulSet "db" has a readinessProbe, so a Pod would have the addresses before it can answer: add a probe, or accept that with allowNoReadinessProbe: true',
  ],
  [
    "no interface on the network",
    "no-interface",
    'PinnedDeployment "no-interface" is not valid:\n  - network: got "blue"; the Pod template of Deployment "db" has no interface on it: spread podInterfaces([{ interfaceName: "eth1", network: "blue" }]) into the annotations of the template',
  ],
  [
    "no network attachment",
    "no-attachment",
    'PodNetwork "no-attachment" is not valid:\n  - networkAttachment: got "blue"; use its whole name (NetworkAttachmentInvalid), for example "projects/my-project/regions/us-central1/networkAttachments/blue"',
  ],
  [
    "an image that is no reference",
    "no-image",
    'PersistentIpController "no-image" is not valid:\n  - image: got "podpin latest"; use the reference of podpin\'s image, best with its digest, for example "registry.example.com/podpin@sha256:…", or set imageRepository to have it built',
  ],
  [
    "a cluster on which it is not to run",
    "wrong-cluster",
    'PersistentIpController "wrong-cluster" is not valid:\n  - dataplaneV2: got nothing; cluster "core" has Dataplane V2, whose node agent acts on every GKEIPRoute that is Accepted with a Pod in its status, whoever wrote that, and before podpin\'s own rules: leave PersistentIpController out to have GKE\'s own controller, or set dataplaneV2: "experimental"',
  ],
])("says so when there turns out to be %s", (_, name, message) => {
  expect(said(answers[name])).toBe(message);
});
