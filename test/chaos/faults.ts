// What can happen: one fault at a time is drawn; many are under way at once.
import type { Random } from "../sim/random";
import type { Draw, Fault } from "./fault";
import { API_FAULTS } from "./faults-api";
import { CLUSTER_FAULTS } from "./faults-cluster";
import { NETWORK_FAULTS } from "./faults-network";
import { NODE_FAULTS } from "./faults-node";
import { OBJECT_FAULTS } from "./faults-objects";
import { POD_FAULTS } from "./faults-pods";
import { WHOLE_FAULTS } from "./faults-whole";
import type { Setting } from "./setting";

export const KINDS: Readonly<Record<string, Draw>> = {
  ...OBJECT_FAULTS,
  ...POD_FAULTS,
  ...CLUSTER_FAULTS,
  ...API_FAULTS,
  ...NETWORK_FAULTS,
  ...NODE_FAULTS,
  ...WHOLE_FAULTS,
};

/** What happens so many times as often as the rest. */
const OFTEN: Readonly<Record<string, number>> = {
  podDeleted: 4,
  podRelabelled: 3,
  podNotReady: 4,
  powerOff: 2,
  switchCut: 2,
  agentKilled: 2,
  foreignChange: 2,
};

const DRAWN = Object.keys(KINDS).flatMap((name) => Array.from({ length: OFTEN[name] ?? 1 }, () => name));
/** A text may be said by one of a kind's many variants. */
const TRIES = 20_000;

/** @param only what the kind's name or the fault's description must contain; one of several, separated by commas */
export function drawFault(setting: Setting, random: Random, only = ""): Fault {
  const texts = only.toLowerCase().split(",");
  const wanted = (text: string): boolean => texts.some((each) => text.toLowerCase().includes(each));
  const named = DRAWN.filter(wanted);
  if (named.length > 0) return draw(random.pick(named));
  for (let tries = 0; tries < TRIES; tries++) {
    const fault = draw(random.pick(DRAWN));
    if (wanted(fault.what)) return fault;
  }
  throw new Error(`--only: got ${JSON.stringify(only)}; no fault is called so: ${Object.keys(KINDS).join(", ")}`);

  function draw(name: string): Fault {
    const kind = KINDS[name];
    if (kind === undefined) throw new Error(`no kind of fault is called ${name}`);
    return kind(setting, random);
  }
}
