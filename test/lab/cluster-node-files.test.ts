import { csv } from "../../lab/cluster/control-plane";
import {
  cniConfig,
  containerdConfig,
  containerdMajor,
  kubeProxyConfig,
  kubeletConfig,
  nodeObject,
} from "../../lab/cluster/node-files";
import { planNodes } from "../../lab/cluster/plan";

const [node] = planNodes(1) as [ReturnType<typeof planNodes>[number]];

test.each([
  ["containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3", 1],
  ["containerd github.com/containerd/containerd/v2 v2.2.9 abc", 2],
  ["containerd containerd.io 1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da", 1],
])("reads the major version of %p", (text, major) => {
  expect(containerdMajor(text)).toBe(major);
});

test("says what it got where containerd shows no version", () => {
  expect(() => containerdMajor("oops")).toThrow('containerd --version: got "oops"; it shows no version');
});

test.each([
  [1, "version = 2", 'sandbox_image = "pause:1"', 'bin_dir = "/cni"'],
  [2, "version = 3", 'sandbox = "pause:1"', 'bin_dirs = ["/cni"]'],
])("configures containerd %d in its own format", (major, ...lines) => {
  const text = containerdConfig({ major, pauseImage: "pause:1", cniFolder: "/cni" });
  for (const line of [...lines, "restrict_oom_score_adj = true", "SystemdCgroup = false"]) expect(text).toContain(line);
});

test("gives each CNI plugin the node's own range", () => {
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.244.1.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] };
  expect(cniConfig(node, "ptp")).toMatchObject({ plugins: [{ type: "ptp", ipam }] });
  expect(cniConfig(node, "bridge")).toMatchObject({ plugins: [{ type: "bridge", isGateway: true, ipam }] });
});

test("lets kubelet run on cgroup version 1 and find its container runtime", () => {
  expect(kubeletConfig()).toMatchObject({
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
  });
});

test("has kube-proxy use nftables and leave alone what is not the node's", () => {
  expect(kubeProxyConfig(node)).toMatchObject({
    mode: "nftables",
    hostnameOverride: "node1",
    conntrack: { maxPerCore: 0, min: 0 },
  });
});

test("registers a Node with its Pod range, as the VM that it is", () => {
  expect(nodeObject(node)).toMatchObject({
    metadata: { name: "node1", labels: { "topology.kubernetes.io/zone": "us-central1-a" } },
    spec: {
      podCIDR: "10.244.1.0/24",
      podCIDRs: ["10.244.1.0/24"],
      providerID: "gce://podpin-lab/us-central1-a/node1",
    },
  });
});

test.each([
  [{ name: "admin", groups: ["system:masters"] }, 0, 'T,admin,1,"system:masters"\n'],
  [{ name: "both", groups: ["a", "b"] }, 1, 'T,both,2,"a,b"\n'],
  [{ name: "nobody" }, 2, "T,nobody,3\n"],
])("writes the token of %j as the API server reads it", (user, index, line) => {
  expect(csv("T", user, index)).toBe(line);
});
