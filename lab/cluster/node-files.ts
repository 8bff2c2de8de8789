// The configuration files of a node. JSON wherever YAML is read: JSON is YAML.
import type { NodePlan } from "./plan";
import { POD_RANGE, providerIdOf, REGION } from "./plan";

export type CniPlugin = "ptp" | "bridge";

/** Paths inside a node (its own mount namespace); node-init.sh mounts them. */
const NODE_FOLDER = "/run/node";

export function containerdConfig(options: {
  readonly major: number;
  readonly pauseImage: string;
  readonly cniFolder: string;
}): string {
  const { major, pauseImage, cniFolder } = options;
  const common = `root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
`;
  // restrict_oom_score_adj: where CAP_SYS_RESOURCE is missing no sandbox could be started without it.
  if (major < 2) {
    return `version = 2
${common}[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolder}"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
  }
  return `version = 3
${common}[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "${pauseImage}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["${cniFolder}"]
    conf_dir = "/etc/cni/net.d"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

/** @param text what `containerd --version` prints */
export function containerdMajor(text: string): number {
  const major = /\bv?(\d+)\.\d+\.\d+/.exec(text)?.[1];
  if (major === undefined) throw new Error(`containerd --version: got ${JSON.stringify(text)}; it shows no version`);
  return Number(major);
}

export function kubeletConfig(): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    // Its port is reachable only inside the lab; `kubectl logs` and `exec` come through here.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    resolvConf: "",
    makeIPTablesUtilChains: false,
    volumePluginDir: "/var/lib/kubelet/volume-plugins",
    // The disk belongs to the whole machine; how full it is says nothing about the lab.
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
      "imagefs.inodesFree": "0%",
    },
    imageGCHighThresholdPercent: 100,
    // How soon a Secret that was made after a Pod reaches it: by itself a minute or more.
    syncFrequency: "5s",
    nodeStatusUpdateFrequency: "4s",
    nodeLeaseDurationSeconds: 8,
    maxPods: 30,
  };
}

export function kubeProxyConfig(node: NodePlan): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    clusterCIDR: POD_RANGE,
    hostnameOverride: node.name,
    clientConnection: { kubeconfig: `${NODE_FOLDER}/kube-proxy.json` },
    // Zero leaves alone what only the machine's first network namespace may set.
    conntrack: { maxPerCore: 0, min: 0 },
  };
}

export function cniConfig(node: NodePlan, plugin: CniPlugin): object {
  const ipam = { type: "host-local", ranges: [[{ subnet: node.podCidr }]], routes: [{ dst: "0.0.0.0/0" }] };
  const main =
    plugin === "ptp"
      ? { type: "ptp", mtu: 1500, ipam }
      : { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, mtu: 1500, ipam };
  return { cniVersion: "1.0.0", name: "lab", plugins: [main] };
}

/**
 * Made before kubelet starts, which finds it and takes it as its own; the API server sets no Pod range by itself, and nobody
 * here but the lab knows which VM it is.
 */
export function nodeObject(node: NodePlan): object {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node.name,
      labels: {
        "kubernetes.io/hostname": node.name,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": node.zone,
      },
    },
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr], providerID: providerIdOf(node) },
  };
}
