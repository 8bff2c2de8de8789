import type { LabParts } from "../cluster/lab";
import type { Parts } from "./ensure";

/** The parts under the names by which the lab takes them. */
export function labPartsOf(parts: Parts): LabParts {
  return {
    etcd: parts.etcd,
    kubeApiserver: parts["kube-apiserver"],
    kubeControllerManager: parts["kube-controller-manager"],
    kubeScheduler: parts["kube-scheduler"],
    kubectl: parts.kubectl,
    kubelet: parts.kubelet,
    kubeProxy: parts["kube-proxy"],
    gatewayApiCrds: parts["gateway-api-crds"],
  };
}
