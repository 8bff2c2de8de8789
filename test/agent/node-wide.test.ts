import { plan, type PlanInput, remember } from "../../controller-image/src/agent/plan";
import { binding, ME, MY_IP, takenBack } from "./bindings";
import { MemoryKernel, podHop, UPLINK } from "./memory-kernel";

const A = "198.51.100.10";
const POD = "10.244.1.11";

let kernel: MemoryKernel;

beforeEach(() => {
  kernel = new MemoryKernel();
});

function pass(more: Partial<PlanInput> = {}) {
  const input: PlanInput = {
    nodeName: ME,
    nodeIp: MY_IP,
    uplink: UPLINK,
    isolated: false,
    delivering: [binding(A)],
    releasing: [],
    evidence: new Map(),
    synced: true,
    clusterCidrs: ["10.244.0.0/16"],
    kernel: kernel.state(),
    memory: new Map(),
    now: 0,
    ...more,
  };
  const made = plan(input);
  expect(kernel.carryOut(made.changes)).toEqual(new Map());
  return made;
}

describe("a Pod at the port of a bridge", () => {
  beforeEach(() => {
    kernel.hops.set(POD, { dev: "cni0", ifindex: 8, kind: "bridge", local: false, port: "veth9" });
    kernel.ports.set("veth9", false);
  });

  test("can reach its own address: the port sends back to it, which is remembered first", () => {
    pass();
    expect(kernel.ports.get("veth9")).toBe(true);
    const remembered = kernel.lines.indexOf('add element ip pip_agent hairpin_ports { "veth9" }');
    expect(remembered).toBeGreaterThan(-1);
    expect(kernel.lines.indexOf("link set dev veth9 type bridge_slave hairpin on")).toBeGreaterThan(remembered);
    expect(pass().changes.finish).toEqual([]);
  });

  test("gets its port back as it was when the address goes", () => {
    pass();
    pass({ delivering: [], releasing: [takenBack(A)] });
    expect(kernel.ports.get("veth9")).toBe(false);
    expect(kernel.untouched).toBe(true);
  });

  test("gets its port back as it was when the address goes and others stay", () => {
    const other = binding("198.51.100.11", { owner: { podName: "p", podUid: "uid-2", podIp: "10.244.1.12" } });
    kernel.hops.set("10.244.1.12", podHop("veth2", 12));
    pass({ delivering: [binding(A), other] });
    pass({ delivering: [other], releasing: [takenBack(A)] });
    expect(kernel.ports.get("veth9")).toBe(false);
    expect(kernel.state().nft.hairpinPorts).toEqual(new Set());
  });

  test("keeps a port that another has set so", () => {
    kernel.ports.set("veth9", true);
    pass();
    pass({ delivering: [], releasing: [takenBack(A)] });
    expect(kernel.ports.get("veth9")).toBe(true);
  });

  test("is forgotten with its port", () => {
    pass();
    kernel.ports.delete("veth9");
    kernel.hops.set(POD, podHop("veth2", 12));
    pass();
    expect(kernel.state().nft.hairpinPorts).toEqual(new Set());
  });

  test("is known by it: its port may be out of sight, but the next Pod's is not followed", () => {
    const device = (name: string, ifindex: number): void => void kernel.hops.set("10.244.9.9", podHop(name, ifindex));
    const at = (port?: string): void => {
      kernel.hops.set(POD, { dev: "cni0", ifindex: 8, kind: "bridge", local: false, port });
    };
    const state = (memory: PlanInput["memory"]) => pass({ memory }).outcomes.get(A)?.ack;
    device("veth9", 9);
    const delivering = [binding(A)];
    const memory = remember({ memory: new Map(), delivering, releasing: [], nodeName: ME, now: 0 }, pass(), new Map());
    at(undefined);
    expect(state(memory)?.state).toBe("Announced");
    at("veth10");
    device("veth10", 10);
    kernel.ports.set("veth10", false);
    expect(state(memory)).toMatchObject({ state: "Failed", reason: "PodInterfaceGone" });
    expect(kernel.paths.get(A)).toBeUndefined();
  });

  test("that no look has found is looked for again, and no port is closed meanwhile", () => {
    pass();
    kernel.hops.set(POD, { dev: "cni0", ifindex: 8, kind: "bridge", local: false });
    const made = pass();
    expect(made.retry).toBe(true);
    expect(kernel.ports.get("veth9")).toBe(true);
  });
});

test("tunnels and bridges are followed as they come and go", () => {
  kernel.hops.set(POD, podHop("veth1", 11));
  kernel.tunnels.add("flannel.1");
  kernel.bridges.add("cni0");
  pass();
  expect(kernel.state().nft).toMatchObject({ tunnels: new Set(["flannel.1"]), bridges: new Set(["cni0"]) });
  expect(pass().changes.base).toEqual([]);
  kernel.tunnels.clear();
  kernel.bridges.clear();
  pass();
  expect(kernel.state().nft).toMatchObject({ tunnels: new Set(), bridges: new Set() });
});
