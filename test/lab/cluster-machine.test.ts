// What the lab reads from the machine: processes, mounts, cgroups.
import fc from "fast-check";

import { cgroupLayout, labCgroups, planDelegation } from "../../lab/cluster/cgroup";
import { parseMountinfo } from "../../lab/cluster/mountinfo";
import { parseStat } from "../../lab/cluster/proc";

describe("a process", () => {
  test("is read whatever stands in its name", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), (name, parent, startTime) => {
        const between = Array.from({ length: 17 }, (_, i) => i).join(" ");
        const text = `7 (${name}) S ${parent} ${between} ${startTime} 0 0\n`;
        expect(parseStat(text)).toEqual({ state: "S", parent, startTime: String(startTime) });
      }),
    );
  });

  test.each(["", "7", "7 (sh", "7 (sh) S 1"])("is not read from %p", (text) => {
    expect(parseStat(text)).toBeUndefined();
  });
});

const line = (path: string, type: string, options: string, root = "/"): string =>
  `31 23 0:28 ${root} ${path} rw,relatime shared:9 - ${type} ${type} ${options}`;

const VERSION_1 = [
  line("/", "ext4", "rw,discard"),
  line("/sys/fs/cgroup", "tmpfs", "rw,mode=755"),
  line("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
  line("/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
  line("/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,release_agent=/lib/systemd/agent,name=systemd"),
  line("/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate"),
].join("\n");

const VERSION_2 = [line("/", "ext4", "rw"), line("/sys/fs/cgroup", "cgroup2", "rw,nsdelegate")].join("\n");

describe("mounts", () => {
  test("are read with and without optional fields, and with blanks in their path", () => {
    const text =
      "1 0 8:1 / /a\\040b rw - ext4 /dev/x rw\n2 1 0:5 /sub /c rw shared:1 master:2 - tmpfs none rw,size=1k\n";
    expect(parseMountinfo(text)).toEqual([
      { mountPoint: "/a b", root: "/", type: "ext4", superOptions: ["rw"] },
      { mountPoint: "/c", root: "/sub", type: "tmpfs", superOptions: ["rw", "size=1k"] },
    ]);
  });
});

describe("cgroups", () => {
  test("are version 1 where a hierarchy has a controller, and then every hierarchy counts", () => {
    expect(cgroupLayout(parseMountinfo(VERSION_1))).toEqual({
      version: 1,
      hierarchies: [
        { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", options: "cpu,cpuacct" },
        { mountPoint: "/sys/fs/cgroup/memory", options: "memory" },
        { mountPoint: "/sys/fs/cgroup/systemd", options: "name=systemd" },
        { mountPoint: "/sys/fs/cgroup/unified", options: "" },
      ],
    });
  });

  test("count once when a hierarchy is mounted twice", () => {
    const twice = `${VERSION_1}\n${line("/elsewhere", "cgroup", "rw,memory")}`;
    expect(cgroupLayout(parseMountinfo(twice))).toEqual(cgroupLayout(parseMountinfo(VERSION_1)));
  });

  test("are version 2 where only the one tree is mounted", () => {
    const layout = cgroupLayout(parseMountinfo(VERSION_2));
    expect(layout).toEqual({ version: 2, mountPoint: "/sys/fs/cgroup" });
    expect(labCgroups(layout, "abcdef")).toEqual(["/sys/fs/cgroup/pp-abcdef"]);
  });

  test("are version 2 as well beside systemd's own version-1 tree, which has no controller", () => {
    const text = `${VERSION_2}\n${line("/sys/fs/cgroup/systemd", "cgroup", "rw,name=systemd")}`;
    expect(cgroupLayout(parseMountinfo(text)).version).toBe(2);
  });

  test("have to be mounted", () => {
    expect(() => cgroupLayout([])).toThrow("cgroups: got none mounted");
  });
});

describe("delegation in cgroup version 2", () => {
  const all = "cpuset cpu io memory hugetlb pids rdma misc\n";

  test.each([
    ["everything is handed down already", all, all, ["cpu", "memory", "pids", "cpuset", "io", "hugetlb"], []],
    ["only what is needed is switched on", all, "memory pids\n", ["cpu", "memory", "pids"], ["cpu"]],
    ["nothing is handed down", all, "\n", ["cpu", "memory", "pids"], ["cpu", "memory", "pids"]],
    ["the machine has only what is needed", "cpu memory pids", "cpu memory pids", ["cpu", "memory", "pids"], []],
  ])("when %s", (_, available, enabled, delegated, enable) => {
    expect(planDelegation(available, enabled)).toEqual({ delegated, enable });
  });

  test("refuses a machine without the memory controller and says what to do", () => {
    expect(() => planDelegation("cpu pids\n", "cpu\n")).toThrow(
      'cgroup controllers: got "cpu pids"; kubelet also needs memory: ' +
        "start the machine without cgroup_disable, or give this container its controllers",
    );
  });
});
