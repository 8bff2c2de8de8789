import { type Machine, cniFolder, installLine, missingPackages } from "../../lab/parts/packages";

/** A machine with everything but what is named. */
const without = (...lacks: string[]): Machine => ({
  hasCommand: (name) => !lacks.includes(name),
  hasFile: (path) => !lacks.some((lack) => path.startsWith(lack)),
});

test("nothing is installed where every command is there, whoever brought it", () => {
  expect(missingPackages(without())).toEqual([]);
});

test.each([
  [["nft"], [{ package: "nftables", lacks: ["nft"] }]],
  [["ctr"], [{ package: "containerd", lacks: ["ctr"] }]],
  [
    ["socat", "conntrack"],
    [
      { package: "conntrack", lacks: ["conntrack"] },
      { package: "socat", lacks: ["socat"] },
    ],
  ],
  [
    ["/usr/lib/cni", "/opt/cni/bin"],
    [{ package: "containernetworking-plugins", lacks: ["CNI plugins ptp, host-local, loopback"] }],
  ],
  [["/usr/lib/cni"], []],
])("a machine that lacks %j needs %j", (lacks, packages) => {
  expect(missingPackages(without(...lacks))).toEqual(packages);
});

test.each([
  [[], "/usr/lib/cni"],
  [["/usr/lib/cni/ptp"], "/opt/cni/bin"],
  [["/usr/lib/cni", "/opt/cni/bin/loopback"], undefined],
])("without %j the CNI plugins are taken from %s", (lacks, folder) => {
  expect(cniFolder(without(...lacks))).toBe(folder);
});

test("the line that installs removes nothing", () => {
  expect(installLine([{ package: "runc", lacks: ["runc"] }])).toBe(
    "apt-get install --no-install-recommends --no-remove runc",
  );
});
