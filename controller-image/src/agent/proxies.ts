// Proxy neighbours, which the kernel reports to nobody: without them no neighbour finds the node, and nothing of it shows elsewhere.
import { isDeepStrictEqual } from "node:util";

import { asLines, type Commands, IP_QUESTIONS } from "../fabric/commands";
import type { Clock } from "../kube/api";
import { parseProxies, PROXIES, records } from "./iproute";
import type { KernelState } from "./state";

/** One question in an open session each time: about a millisecond. */
const ASK_MS = 2000;

export interface ProxiesOptions {
  readonly clock: Clock;
  readonly commands: Commands;
  readonly uplink: string;
}

/**
 * Calls back when they are not as they are remembered; the answer ends it.
 *
 * @param remembered nothing while the kernel will be looked at anyway
 */
export function watchProxies(
  { clock, commands, uplink }: ProxiesOptions,
  remembered: () => KernelState["proxies"] | undefined,
  onChange: () => void,
): () => void {
  let stopped = false;
  let cancel = (): void => undefined;
  const ask = async (): Promise<void> => {
    const known = remembered();
    if (known === undefined || known.size === 0) return;
    const { stdout } = await commands.run(IP_QUESTIONS, asLines([PROXIES]));
    const same = isDeepStrictEqual(parseProxies(records(stdout), uplink), known);
    // What has changed meanwhile by ourselves is no news.
    if (!same && !stopped && remembered() === known) onChange();
  };
  const next = (): void => {
    // An answer that cannot be read is no change; the next regular look says what is wrong.
    const again = (): void =>
      void ask()
        .catch(() => undefined)
        .finally(next);
    if (!stopped) cancel = clock.after(ASK_MS, again);
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
