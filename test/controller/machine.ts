// A node of the controller's world with the agent that ships on it, and a kernel in memory.
import { type Agent, runAgent } from "../../controller-image/src/agent/agent";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "../agent/memory-kernel";
import { forArp, Recorder } from "../agent/world";
import { MemoryKube } from "../support/memory-kube";
import { A } from "../support/objects";
import { RESOURCES } from "../../lib/model/kubernetes";
import { newRoute, World } from "./world";

const NODES = { node1: "172.30.0.11", node2: "172.30.0.12" } as const;
export const POD_1 = "10.244.1.5";
export const POD_2 = "10.244.2.9";

export class Machine {
  readonly kernel = new MemoryKernel();
  readonly kube: MemoryKube;
  #agent: Agent | undefined;

  constructor(
    private readonly world: World,
    readonly name: keyof typeof NODES,
  ) {
    this.kube = new MemoryKube(world.server, { clock: world.clock });
    const own = name === "node1" ? POD_1 : POD_2;
    this.kernel.hops.set(own, podHop("veth1", 11));
    for (const address of Object.values(NODES)) this.kernel.hops.set(address, segmentHop);
  }

  start(): void {
    const { clock } = this.world;
    const [nodeName, nodeIp] = [this.name, NODES[this.name]];
    const more = {
      announcers: forArp(new Recorder()),
      log: () => undefined,
      uplink: UPLINK,
      namespace: "podpin-system",
    };
    this.#agent = runAgent({ kube: this.kube, kernel: this.kernel, clock, nodeName, nodeIp, ...more });
  }

  async stop(): Promise<void> {
    await this.#agent?.stop();
  }

  get answers(): boolean {
    return this.kernel.proxies.get(A) === "ours" && this.kernel.paths.get(A)?.dev !== UPLINK;
  }
}

/** A route and a controller, and two nodes with agents. */
export function twoMachines() {
  const world = new World();
  world.agents.clear();
  world.server.create(RESOURCES.gkeIpRoutes, newRoute());
  const machines = [new Machine(world, "node1"), new Machine(world, "node2")] as const;
  const controller = world.start();
  for (const machine of machines) machine.start();
  return {
    world,
    controller,
    machines,
    /** Names of the nodes that speak for the address and deliver it. */
    answering: (): string[] => machines.filter((machine) => machine.answers).map(({ name }) => name),
    stop: async (): Promise<void> => {
      for (const machine of machines) await machine.stop();
      await world.stop();
    },
  };
}
