// A node with its kernel in memory, for tests of the plan alone.
import type { AddressMemory } from "../../controller-image/src/agent/outcome";
import { plan, type Plan, type PlanInput, remember } from "../../controller-image/src/agent/plan";
import { ME, MY_IP, OTHER_IP } from "./bindings";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "./memory-kernel";

export const A = "198.51.100.7";
export const B = "198.51.100.8";
export const POD = "10.244.1.11";
const CIDRS = ["10.244.0.0/16", "10.96.0.0/16", "10.0.0.11/32", "10.0.0.12/32"];

/** A node with one Pod, and an agent's memory that lives from pass to pass. */
export class Node {
  readonly kernel = new MemoryKernel();
  memory: ReadonlyMap<string, AddressMemory> = new Map();
  now = 0;

  constructor() {
    this.kernel.hops.set(POD, podHop("veth1", 11));
    this.kernel.hops.set("10.244.1.12", podHop("veth2", 12));
    this.kernel.hops.set(OTHER_IP, segmentHop);
    this.kernel.hops.set("10.244.1.99", "unreachable");
  }

  plan(input: Partial<PlanInput>): Plan {
    return plan(this.input(input));
  }

  /** Plans and carries out; answers the plan. */
  pass(input: Partial<PlanInput>): Plan {
    const full = this.input(input);
    const made = plan(full);
    const failed = this.kernel.carryOut(made.changes);
    this.memory = remember(full, made, failed);
    return made;
  }

  private input(input: Partial<PlanInput>): PlanInput {
    return {
      nodeName: ME,
      nodeIp: MY_IP,
      uplink: UPLINK,
      delivering: [],
      releasing: [],
      evidence: new Map(),
      synced: true,
      clusterCidrs: CIDRS,
      kernel: this.kernel.state(),
      memory: this.memory,
      isolated: false,
      now: this.now,
      ...input,
    };
  }
}

/** What the node says of an address after this pass. */
export const acknowledged = (made: Plan, address = A) => made.outcomes.get(address)?.ack;
