// What is known of a cluster on GKE, for tests that are about a field or two of it.
import type { ClusterFacts } from "../../lib/model/cluster-facts";

export const clusterFacts = (facts: Partial<ClusterFacts> = {}): ClusterFacts => ({
  name: "core",
  location: "us-central1",
  region: "us-central1",
  project: "my-project",
  version: "1.33.5-gke.1201000",
  autopilot: false,
  dataplaneV2: false,
  gatewayApi: true,
  multiNetworking: false,
  workloadPool: "my-project.svc.id.goog",
  network: "default",
  subnetwork: "default",
  podCidr: "10.8.0.0/14",
  serviceCidr: "10.4.0.0/20",
  ...facts,
});
