// The image as it runs: what the Pods of the controller and the agents have and may do, seen from inside them. For a suite
// that has deployed podpin on the shared cluster.
import { AGENT, CONTROLLER, HEARTBEAT_KEYS, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { SharedLab } from "../support/shared-lab";

const AGENTS = `daemonset/${AGENT}`;
const CONTROLLERS = `deployment/${CONTROLLER}`;
const TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const WRITE = `
  const tried = ["/x", "/app/podpin.js", "/tmp/x", "/etc/passwd", "/var/lib/cni/results/x", "${TOKEN}"];
  const codes = tried.map((file) => {
    try { require("fs").appendFileSync(file, ""); return file + " was written"; } catch (error) { return error.code; }
  });
  console.log([...new Set(codes)].sort().join());
`;

export function describeRunningPods(lab: () => SharedLab): void {
  const inside = (workload: string, ...argv: readonly string[]): Promise<string> =>
    lab().kubectl(["exec", "-n", PODPIN_NAMESPACE, workload, "--", ...argv]);

  /** The named fields of the first process. */
  const statusOf = async (workload: string, names: readonly string[]): Promise<Record<string, string | undefined>> => {
    const text = await inside(workload, "cat", "/proc/1/status");
    return Object.fromEntries(names.map((name) => [name, new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1]]));
  };
  const RIGHTS = ["Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"];
  const NOTHING = "0".repeat(16);

  test("the agent's process has NET_ADMIN and NET_RAW, a filter of system calls, and no way to more", async () => {
    const both = ((1n << 12n) | (1n << 13n)).toString(16).padStart(16, "0");
    expect(await statusOf(AGENTS, RIGHTS)).toEqual({
      Uid: "0\t0\t0\t0",
      CapInh: NOTHING,
      CapPrm: both,
      CapEff: both,
      CapBnd: both,
      CapAmb: NOTHING,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("the controller's process is nobody in particular and has no capability", async () => {
    expect(await statusOf(CONTROLLERS, RIGHTS)).toEqual({
      Uid: "65532\t65532\t65532\t65532",
      CapInh: NOTHING,
      CapPrm: NOTHING,
      CapEff: NOTHING,
      CapBnd: NOTHING,
      CapAmb: NOTHING,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("neither can write a file of its own image, of its node or of its account", async () => {
    expect((await inside(AGENTS, "node", "-e", WRITE)).trim()).toBe("EROFS");
    // The controller has no folder of the node.
    const codes = (await inside(CONTROLLERS, "node", "-e", WRITE)).trim().split(",");
    expect(codes.filter((code) => !["EROFS", "EACCES", "ENOENT"].includes(code))).toEqual([]);
  });

  test("the image has the programs that the agent runs, and no other", async () => {
    const list = `
      const fs = require("fs");
      const folders = process.env.PATH.split(":").filter((folder) => fs.existsSync(folder));
      const files = folders.flatMap((folder) => fs.readdirSync(fs.realpathSync(folder)));
      console.log([...new Set(files)].sort().join(" "));
    `;
    const programs = (await inside(AGENTS, "node", "-e", list)).trim();
    // `sh` is a name of `dash`; it and `cat` are for entering Pods.
    expect(programs).toBe("bridge cat conntrack dash ip nft node nsenter sh socat");
  });

  test("nothing that the Pods print gives a token or a key away", async () => {
    const secrets: string[] = [];
    for (const workload of [AGENTS, CONTROLLERS]) secrets.push((await inside(workload, "cat", TOKEN)).trim());
    const keys = await lab().kubectl(["get", "secret", HEARTBEAT_KEYS, "-n", PODPIN_NAMESPACE, "-o", "json"]);
    const { data } = JSON.parse(keys) as { data: Record<string, string> };
    for (const key of Object.values(data)) {
      const bytes = Buffer.from(key, "base64");
      // As it is, and in the forms in which programs print bytes.
      secrets.push(
        key,
        key.replace(/=+$/, ""),
        bytes.toString("hex"),
        bytes.toString("base64url"),
        [...bytes].join(","),
      );
    }
    const selector = "app.kubernetes.io/name=podpin";
    const logs = ["logs", "-n", PODPIN_NAMESPACE, "-l", selector, "--tail=-1", "--prefix", "--max-log-requests=20"];
    const printed = await lab().kubectl(logs);
    expect(printed).toMatch(new RegExp(`^\\[pod/${AGENT}-`, "m"));
    expect(printed).toMatch(new RegExp(`^\\[pod/${CONTROLLER}-`, "m"));
    expect(secrets.length).toBeGreaterThan(6);
    expect(secrets.filter((secret) => secret.length < 16)).toEqual([]);
    expect(secrets.filter((secret) => printed.includes(secret))).toEqual([]);
    expect(printed).not.toMatch(/Bearer |eyJ[\w-]{20,}\.eyJ/);
  });
}
