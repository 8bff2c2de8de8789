import type { Problems } from "./problems";
import { checkObjectName } from "./names";

/**
 * Checks the name of a `Network`. `default`, and its legacy alias `pod-network`, mean the primary Pod network and need
 * no object of that name.
 */
export function checkNetwork(network: string, problems: Problems): void {
  checkObjectName("network", network, problems);
}
