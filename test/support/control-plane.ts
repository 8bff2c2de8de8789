// A real API server and etcd on loopback, for suites that need nothing of a lab.
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "../../lab/cluster/control-plane";
import { parts } from "./parts";

/** Builds the parts first where nobody has done it yet: give a hook that calls it half an hour. */
export async function loopbackControlPlane(
  options: Pick<ControlPlaneOptions, "controllers" | "users"> = {},
): Promise<ControlPlane> {
  const found = await parts("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubectl");
  return startControlPlane({
    ...options,
    parts: {
      kubeApiserver: found["kube-apiserver"],
      etcd: found.etcd,
      kubeControllerManager: found["kube-controller-manager"],
      kubeScheduler: found["kube-scheduler"],
      kubectl: found.kubectl,
    },
    bind: "127.0.0.1",
  });
}
