import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type MachineFacts, availableMemory, missingCapabilities } from "../../lab/machine-facts";
import { lacks, refusal } from "../../lab/preflight";

const fit: MachineFacts = {
  platform: "linux",
  arch: "x64",
  uid: 0,
  missingCapabilities: [],
  cgroupsWritable: true,
  distribution: { id: "debian", name: "Debian GNU/Linux 12 (bookworm)", codename: "bookworm", isDebianOrUbuntu: true },
  missingPackages: [],
  go: "1.26.0",
  neededGo: "1.25.0",
  partsToBuild: ["etcd", "kubectl"],
  disks: [{ folder: "/home/ada/.cache/podpin", freeBytes: 50e9, neededBytes: 14.5e9 }],
  availableMemoryBytes: 8e9,
  cacheFolder: "/home/ada/.cache/podpin",
};
const fedora = { id: "fedora", name: "Fedora Linux 43", codename: "", isDebianOrUbuntu: false };
const noNft = [{ package: "nftables", lacks: ["nft"] }];
const CONTAINER =
  'docker run --privileged -it -v "$PWD:/podpin" -v podpin-cache:/cache -e XDG_CACHE_HOME=/cache -w /podpin node:24-bookworm';
const goLine = (arch: string): string =>
  `mkdir -p ~/.local && curl -fsSL https://go.dev/dl/go1.25.0.linux-${arch}.tar.gz | tar -C ~/.local -xz && export PATH=~/.local/go/bin:$PATH`;

test.each<[string, Partial<MachineFacts>]>([
  ["has everything", {}],
  ["lacks packages that root gets installed", { missingPackages: noNft }],
  ["has no Go but every part", { go: undefined, partsToBuild: [] }],
  ["has little memory but every part", { availableMemoryBytes: 2.5e9, partsToBuild: [] }],
  ["is no Debian but has the commands", { distribution: fedora }],
])("nothing is missing where the machine %s", (_title, facts) => {
  expect(lacks({ ...fit, ...facts }, "lab")).toEqual([]);
});

test.each<[string, Partial<MachineFacts>, string, string]>([
  [
    "is not Linux",
    { platform: "darwin" },
    "this is darwin: the lab's nodes are namespaces of a Linux kernel",
    `${CONTAINER} npm ci && npm run lab   # or any Linux machine, as root`,
  ],
  ["is not root", { uid: 1000 }, "this process is not root (uid 1000)", 'sudo -E env "PATH=$PATH" npm run lab'],
  [
    "is root without its rights",
    { missingCapabilities: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"] },
    "root lacks CAP_NET_ADMIN, CAP_SYS_ADMIN here",
    `${CONTAINER} npm run lab`,
  ],
  [
    "makes no namespaces",
    { namespaceProblem: "unshare: unshare failed: Operation not permitted" },
    "no new namespaces can be made: unshare: unshare failed: Operation not permitted",
    `${CONTAINER} npm run lab`,
  ],
  [
    "has read-only cgroups",
    { cgroupsWritable: false },
    "cgroups cannot be written: /sys/fs/cgroup is read-only",
    `${CONTAINER} npm run lab`,
  ],
  [
    "lacks commands on another distribution",
    { distribution: fedora, missingPackages: noNft },
    "missing: nft",
    "install what Fedora Linux 43 calls these Debian packages: nftables",
  ],
  ["has no Go", { go: undefined }, "there is no Go, and these parts must be built: etcd, kubectl", goLine("amd64")],
  [
    "has an old Go",
    { go: "1.19.8", arch: "arm64" },
    "Go 1.19.8 is older than 1.25.0, and these parts must be built: etcd, kubectl",
    goLine("arm64"),
  ],
  [
    "has too little disk",
    { disks: [{ folder: "/home/ada/.cache/podpin", freeBytes: 3.21e9, neededBytes: 14.5e9 }] },
    "3.2 GB free on the disk of /home/ada/.cache/podpin; 14.5 GB are needed",
    "export XDG_CACHE_HOME=/path/on/a/larger/disk GOPATH=/path/on/a/larger/disk/go   # or free some space",
  ],
  [
    "has too little memory",
    { availableMemoryBytes: 1.5e9 },
    "1.5 GB of memory available; 3.0 GB are needed",
    "ps aux --sort=-rss | head   # end what takes the memory, or use a larger machine",
  ],
  [
    "keeps its cache where overlays cannot be",
    { unfitFileSystem: "overlayfs" },
    "the cache /home/ada/.cache/podpin lies on overlayfs, where containers cannot keep their layers",
    "XDG_CACHE_HOME=/path/on/a/local/disk npm run lab   # in a container: a volume, -v podpin-cache:/cache -e XDG_CACHE_HOME=/cache",
  ],
])("a machine that %s is told so, with the line that mends it", (_title, facts, what, mend) => {
  expect(lacks({ ...fit, ...facts }, "lab")).toEqual([{ what, mend }]);
});

test("everything that is missing is said at once", () => {
  const facts = { ...fit, uid: 1000, missingPackages: noNft, go: undefined };
  expect(refusal(lacks(facts, "test"), "test")).toBe(
    [
      "The tests of the real parts cannot run on this machine:",
      "  - this process is not root (uid 1000)",
      '      sudo -E env "PATH=$PATH" npm test',
      "  - missing: nft",
      "      sudo apt-get install --no-install-recommends --no-remove nftables",
      "  - there is no Go, and these parts must be built: etcd, kubectl",
      `      ${goLine("amd64")}`,
      "Without them: PODPIN_TEST_ONLY=unit npm test",
      "",
    ].join("\n"),
  );
});

test.each([
  ["000001ffffffffff", []],
  ["00000000a80425fb", ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]],
  ["0000000000000000", ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_SYS_ADMIN", "CAP_MKNOD"]],
])("CapEff %s lacks %j", (mask, missing) => {
  expect(missingCapabilities(`Name:\tnode\nCapPrm:\t0\nCapEff:\t${mask}\n`)).toEqual(missing);
});

test("available memory is read as the kernel tells it", () => {
  expect(availableMemory("MemTotal:       100 kB\nMemAvailable:    24 kB\n")).toBe(24 * 1024);
});

test("on a machine that cannot, it ends with code 2, without work to speak of, and leaves nothing behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "podpin-preflight-"));
  try {
    // Its own processor time, in milliseconds: not the start of Node.js, nor what others do on the machine meanwhile.
    const script = `
      const { preflight } = require(${JSON.stringify(join(__dirname, "../../lab/preflight"))});
      const since = process.cpuUsage();
      process.on("exit", () => console.log(process.cpuUsage(since).user / 1000));
      preflight("lab");
    `;
    // No Go on this PATH and nothing in this cache: whoever runs it, something is missing.
    const env = {
      HOME: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      TMPDIR: folder,
      TSX_DISABLE_CACHE: "1",
      PATH: "",
    };
    const run = spawnSync(process.execPath, [require.resolve("tsx/cli"), "-e", script], { env, encoding: "utf8" });
    expect(run.stderr).toContain("The lab cannot run on this machine:\n  - ");
    expect(run.status).toBe(2);
    expect(Number(run.stdout)).toBeLessThan(2_000);
    expect(readdirSync(folder).filter((name) => !name.startsWith("tsx-"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
