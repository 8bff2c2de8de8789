import { agentSettings } from "../../controller-image/src/agent/main";
import { movedTo, uplinkOf } from "../../controller-image/src/agent/uplink";

const ENV = { NODE_NAME: "node-1", NODE_IP: "10.0.0.11" };
const eth0 = (): string => "eth0";

test("takes the interface that has the node's address as uplink, and podpin-system as namespace", () => {
  const settings = { nodeName: "node-1", nodeIp: "10.0.0.11", namespace: "podpin-system", uplink: "eth0" };
  expect(agentSettings([], ENV, eth0)).toEqual({ ...settings, interfaceDelivery: false });
});

test("of a node with addresses of two families it takes the IPv4 address, whichever comes first", () => {
  for (const NODE_IP of ["2001:db8::11,10.0.0.11", "10.0.0.11,2001:db8::11"])
    expect(agentSettings([], { ...ENV, NODE_IP }, eth0).nodeIp).toBe("10.0.0.11");
});

test("takes what it is told", () => {
  const settings = agentSettings(
    ["--uplink=bond0.100", "--interface-delivery"],
    { ...ENV, POD_NAMESPACE: "edge" },
    () => undefined,
  );
  expect(settings).toMatchObject({ uplink: "bond0.100", namespace: "edge", interfaceDelivery: true });
});

test("names every mistake in one error", () => {
  expect(() => agentSettings(["--uplink=eth0; reboot", "--fast"], { NODE_IP: "fe80::1" }, eth0)).toThrow(
    [
      "podpin agent is not valid:",
      "  - NODE_NAME: got nothing; set it to spec.nodeName of the Pod",
      '  - NODE_IP: got "fe80::1"; set it to status.hostIPs of the Pod; one must be an IPv4 address',
      '  - --uplink: got "eth0; reboot"; use the name of an interface, for example eth0',
      '  - arguments: got "--fast"; the flags are --uplink=INTERFACE, --interface-delivery and --uninstall',
    ].join("\n"),
  );
});

test("says what to do when no interface has the node's address", () => {
  expect(() => agentSettings([], ENV, () => undefined)).toThrow(
    "podpin agent is not valid:\n  - --uplink: got nothing; no interface has 10.0.0.11; name the one that the addresses arrive on",
  );
});

test.each<[string, Readonly<Record<string, readonly string[]>>, string | undefined]>([
  ["is where it was", { eth0: ["10.0.0.11"], br0: ["192.0.2.1"] }, undefined],
  ["is on a bridge now", { eth0: ["fe80::1"], br0: ["10.0.0.11"] }, "br0"],
  ["is on a bridge now, and the uplink has no address left", { br0: ["10.0.0.11"] }, "br0"],
  ["is on both", { br0: ["10.0.0.11"], eth0: ["10.0.0.11"] }, undefined],
  ["is nowhere", { eth0: ["fe80::1"] }, undefined],
])("the node's address %s", (_title, interfaces, moved) => {
  const found = Object.entries(interfaces).map(([name, all]) => [name, all.map((address) => ({ address }))] as const);
  expect(movedTo("10.0.0.11", "eth0", Object.fromEntries(found) as never)).toBe(moved);
});

test("finds an interface by its address", () => {
  const interfaces = { lo: [{ address: "127.0.0.1" }], eth1: [{ address: "fe80::1" }, { address: "10.0.0.11" }] };
  expect(uplinkOf("10.0.0.11", interfaces as never)).toBe("eth1");
  expect(uplinkOf("10.0.0.99", interfaces as never)).toBeUndefined();
});
