// Kernel parameters that a Pod may set for itself where its node allows them (Kubernetes docs, "Using sysctls in a
// Kubernetes Cluster"; Kubernetes Engine API, NodeKubeletConfig.allowedUnsafeSysctls; read 2026-11).
import type { Problems } from "./problems";

/** The groups of which the Kubernetes Engine API lets a node pool allow some. */
const UNSAFE_GROUPS = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.", "net."];

/** A name, or the beginning of names before a closing `*`. */
const PATTERN = /^[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)*(?:\.?\*|)$/;

/**
 * What a Pod sets that prepares itself for persistent addresses without privileges, on the default network: it may bind
 * to an address that no interface has, and never gives that address away in ARP requests. Allow these on the node pools
 * of such Pods.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export const IN_POD_SYSCTLS: string[] = ["net.ipv4.ip_nonlocal_bind", "net.ipv4.conf.eth0.arp_announce"];

/** Checks the patterns that a node pool allows. */
export function checkSysctlPatterns(what: string, patterns: readonly string[], problems: Problems): void {
  patterns.forEach((pattern, index) => {
    const field = `${what}[${index}]`;
    if (typeof pattern !== "string" || !PATTERN.test(pattern)) {
      problems.add(field, pattern, wantOf(String(pattern)));
    } else if (!UNSAFE_GROUPS.some((group) => pattern.startsWith(group))) {
      problems.add(
        field,
        pattern,
        'GKE allows only those of "kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*" and "net.*"',
      );
    }
  });
}

function wantOf(pattern: string): string {
  const star = pattern.indexOf("*");
  const wider = `${pattern.slice(0, star)}*`;
  if (star !== -1 && star < pattern.length - 1 && PATTERN.test(wider)) {
    return `"*" stands at the end only: name the interface, for example "${pattern.replace("*", "eth0")}", or use "${wider}"`;
  }
  return 'use a kernel parameter, for example "net.ipv4.ip_nonlocal_bind", or a beginning of some, for example "net.ipv4.*"';
}
