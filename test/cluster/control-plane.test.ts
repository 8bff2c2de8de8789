// A real API server and etcd on loopback: what later suites rely on when they break and mend it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { type ControlPlane, type ControlPlaneParts, startControlPlane } from "../../lab/cluster/control-plane";
import { leftovers } from "../../lab/cluster/leftovers";
import { readRecords } from "../../lab/cluster/ledger";
import { isAlive } from "../../lab/cluster/proc";
import { sweep } from "../../lab/cluster/removal";
import { ensureParts } from "../../lab/parts/ensure";
import { labPartsOf } from "../../lab/parts/lab-parts";
import { progressOn } from "../../lab/progress";

jest.setTimeout(60_000);

let parts: ControlPlaneParts;
let controlPlane: ControlPlane;

// Building the parts, where nobody has done it yet, takes longer than any test.
beforeAll(async () => {
  parts = labPartsOf(await ensureParts(progressOn()));
  controlPlane = await startControlPlane({ parts, bind: "127.0.0.1", users: [{ name: "visitor" }] });
}, 1_800_000);

afterAll(() => controlPlane.stop());

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(path: string, token = controlPlane.token, timeout = 10_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, controlPlane.server);
    const headers = { authorization: `Bearer ${token}` };
    const asked = request(url, { ca: controlPlane.ca, headers, timeout, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject).end();
  });
}

const configMaps = "/api/v1/namespaces/default/configmaps";

test("is reached with its CA and the administrator's token, and with no other token", async () => {
  expect(JSON.parse((await get("/version")).body)).toMatchObject({ major: "1" });
  expect((await get("/api/v1/nodes", "wrong")).status).toBe(401);
});

test("knows the users it was given, who have no rights yet", async () => {
  const asked = controlPlane.kubectl([`--kubeconfig=${controlPlane.kubeconfigOf("visitor")}`, "get", "nodes"]);
  await expect(asked).rejects.toThrow('User "visitor" cannot list resource "nodes"');
});

test("answers nothing while it is paused, and answers again afterwards", async () => {
  controlPlane.pauseApiServer();
  await expect(get("/version", undefined, 500)).rejects.toThrow("no answer");
  controlPlane.resumeApiServer();
  expect((await get("/version")).status).toBe(200);
});

test("has its objects and its address after a restart", async () => {
  await controlPlane.kubectl(["create", "configmap", "kept"]);
  await controlPlane.restartApiServer();
  expect((await get(`${configMaps}/kept`)).status).toBe(200);
});

test("answers 410 for what was compacted away, once it is restarted and has no memory of it", async () => {
  for (const name of ["one", "two", "three"]) await controlPlane.kubectl(["create", "configmap", name]);
  const first = JSON.parse((await get(`${configMaps}?limit=1`)).body) as { metadata: { continue: string } };
  await controlPlane.kubectl(["create", "configmap", "later"]);
  expect(await controlPlane.compact()).toBeGreaterThan(1);
  await controlPlane.restartApiServer();
  const rest = await get(`${configMaps}?limit=1&continue=${encodeURIComponent(first.metadata.continue)}`);
  expect(rest.status).toBe(410);
});

test("runs next to another one, and leaves nothing when it stops", async () => {
  const other = await startControlPlane({ parts, bind: "127.0.0.1" });
  const record = readRecords().find(({ id }) => id === other.id);
  expect(other.server).not.toBe(controlPlane.server);
  expect(record?.processes.map(isAlive)).toEqual([true, true]);
  await other.stop();
  expect(leftovers(other.id, record)).toEqual([]);
});

test("says which component failed, and shows the end of its log", async () => {
  const broken = startControlPlane({ parts: { ...parts, kubeApiserver: parts.kubectl }, bind: "127.0.0.1" });
  await expect(broken).rejects.toThrow(
    /^the API server's certificate: kube-apiserver ended with code 1\nkube-apiserver\.log ends with:\n.*unknown flag/,
  );
});

test("dies with the process that started it, and the next start removes what that left", async () => {
  const program = `const { startControlPlane } = require(${JSON.stringify(join(__dirname, "../../lab/cluster/control-plane.ts"))});
    startControlPlane({ parts: ${JSON.stringify(parts)}, bind: "127.0.0.1" }).then(({ id }) => console.log(id));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--import", "tsx", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [id] = await new Promise<string[]>((resolve) => {
    createInterface({ input: owner.stdout }).once("line", (line) => resolve([line]));
  });
  const record = readRecords().find((each) => each.id === id);
  expect(record?.folders.map((folder) => existsSync(folder))).toEqual([true]);

  const gone = new Promise((resolve) => owner.once("exit", resolve));
  owner.kill("SIGKILL");
  await gone;

  expect(await sweep()).toContain(id);
  expect(leftovers(id ?? "", record)).toEqual([]);
  // The one that is alive is not touched.
  expect((await get("/version")).status).toBe(200);
});
