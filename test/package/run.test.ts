// Programs that run against the packed library, in the ways in which Node.js can load it.
import { cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { consumer, REPOSITORY, runScript, temporaryFolder } from "./packed";

const folder = temporaryFolder();
let pulumi: string;
let cdk8s: string;

beforeAll(async () => {
  pulumi = await consumer("pulumi", await folder);
  cdk8s = await consumer("cdk8s", await folder);
}, 120_000);

/** Sets mocks, declares a pool and a route, and prints what was registered and the route's addresses. */
const PROGRAM = `
const registered = [];
await pulumi.runtime.setMocks({
  newResource: ({ type, name, inputs }) => { registered.push(type + " " + name); return { id: name, state: inputs }; },
  call: ({ inputs }) => inputs,
});
const pool = PersistentIpPool.fromAddresses("edge", { addresses: ["198.51.100.7", pulumi.output("198.51.100.8")], allowedNamespaces: "All" });
const route = new PinnedPodRoute("proxy", { pool, namespace: "web", podSelector: { app: "proxy" } });
pulumi.all([pulumi.all(route.addresses), route.routes[0].spec]).apply(([addresses, spec]) => console.log(JSON.stringify({ addresses, spec, components: [pulumi.ComponentResource.isInstance(pool), pulumi.ComponentResource.isInstance(route)], registered: registered.sort() })));
`;

const EXPECTED = {
  addresses: ["198.51.100.7", "198.51.100.8"],
  spec: {
    parentRefs: [{ name: "edge", namespace: "default" }],
    addresses: [
      { type: "gke.networking.io/cidr", value: "198.51.100.7/32" },
      { type: "gke.networking.io/cidr", value: "198.51.100.8/32" },
    ],
    network: "default",
    podSelector: { matchLabels: { app: "proxy" } },
    reactionMode: "ReadyCondition",
  },
  components: [true, true],
  registered: [
    "kubernetes:gateway.networking.k8s.io/v1:Gateway edge",
    "kubernetes:networking.gke.io/v1:GKEIPRoute proxy",
    "podpin:index:PersistentIpPool edge",
    "podpin:index:PinnedPodRoute proxy",
  ],
};

const IMPORTS = `import * as pulumi from "@pulumi/pulumi";
import { PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";`;
const REQUIRES = `const pulumi = require("@pulumi/pulumi");
const { PersistentIpPool, PinnedPodRoute } = require("podpin/pulumi");`;

test.each([
  ["an ES module", "program.mjs", `${IMPORTS}${PROGRAM}`],
  ["a CommonJS module", "program.cjs", `${REQUIRES}(async () => {${PROGRAM}})();`],
])(
  "%s declares a pool and a route with Pulumi",
  async (_, file, text) => {
    const { status, output } = await runScript(pulumi, file, text);
    expect({ status, output: parsed(output) }).toEqual({ status: 0, output: EXPECTED });
  },
  60_000,
);

test("two copies of @pulumi/pulumi in one program declare the same", async () => {
  const two = path.join(await folder, "two-copies");
  await mkdir(two);
  await cp(pulumi, two, { recursive: true, verbatimSymlinks: true });
  // The copy is podpin's own, as npm nests it where the ranges of two packages do not meet.
  const nested = path.join(two, "node_modules/podpin/node_modules/@pulumi/pulumi");
  await cp(path.join(REPOSITORY, "node_modules/@pulumi/pulumi"), nested, {
    recursive: true,
    // TypeScript comes along in it, and nothing here compiles.
    filter: (source) => !/pulumi\/(vendor|cmd)$/.test(source) && !source.endsWith(".map"),
  });
  await linkTheRest(path.join(two, "node_modules"));
  const check = `
    const own = require.resolve("@pulumi/pulumi", { paths: [require.resolve("podpin/pulumi")] });
    if (own === require.resolve("@pulumi/pulumi")) throw new Error("there is one copy only: " + own);
  `;
  const { status, output } = await runScript(two, "program.cjs", `${REQUIRES}${check}(async () => {${PROGRAM}})();`);
  expect({ status, output: parsed(output) }).toEqual({ status: 0, output: EXPECTED });
}, 60_000);

test("two providers in one program: what a component declares goes to the cluster of its own", async () => {
  const text = `
    const { Provider } = require("@pulumi/kubernetes/provider");
    (async () => {
      const placed = {};
      await pulumi.runtime.setMocks({
        newResource: ({ type, name, inputs, provider }) => {
          // urn:pulumi:stack::project::type::name::id
          if (!type.startsWith("podpin:") && !type.startsWith("pulumi:")) placed[name] = provider.split("::")[3];
          return { id: name + "-id", state: inputs };
        },
        call: ({ inputs }) => inputs,
      });
      for (const name of ["blue", "green"]) {
        const provider = new Provider(name, { kubeconfig: name });
        const addresses = ["10.0.0.5"];
        const pool = PersistentIpPool.fromAddresses("edge-" + name, { addresses, addressType: "INTERNAL", allowedNamespaces: "All" }, { provider });
        new PinnedPodRoute("proxy-" + name, { pool, namespace: "web", podSelector: { app: "proxy" } }, { provider });
      }
      process.once("beforeExit", () => console.log(JSON.stringify(placed)));
    })();
  `;
  const { status, output } = await runScript(pulumi, "providers.cjs", `${REQUIRES}${text}`);
  expect({ status, output: parsed(output) }).toEqual({
    status: 0,
    output: { "edge-blue": "blue", "edge-green": "green", "proxy-blue": "blue", "proxy-green": "green" },
  });
}, 60_000);

const CDK8S_IMPORTS = `import { createRequire } from "node:module";
import { App, Chart } from "cdk8s";
import { PersistentIpPool, PinnedPodRoute } from "podpin/cdk8s";
const require = createRequire(import.meta.url);`;
const CDK8S_REQUIRES = `const { App, Chart } = require("cdk8s");
const { PersistentIpPool, PinnedPodRoute } = require("podpin/cdk8s");`;

test.each([
  ["an ES module", "program.mjs", CDK8S_IMPORTS],
  ["a CommonJS module", "program.cjs", CDK8S_REQUIRES],
])(
  "%s synthesizes with CDK8s where no Pulumi package is, and loads none",
  async (_, file, imports) => {
    const text = `${imports}
      const app = new App();
      const chart = new Chart(app, "edge");
      const pool = PersistentIpPool.fromAddresses(chart, "edge", { addresses: ["198.51.100.7"], allowedNamespaces: "All" });
      new PinnedPodRoute(chart, "proxy", { pool, namespace: "web", podSelector: { app: "proxy" } });
      const files = Object.keys(require.cache);
      const loaded = files.filter((file) => file.includes("@pulumi"));
      console.log(JSON.stringify({ kinds: chart.toJson().map(({ kind }) => kind), some: files.length > 10, loaded }));
    `;
    const { status, output } = await runScript(cdk8s, file, text);
    expect({ status, output: parsed(output) }).toEqual({
      status: 0,
      output: { kinds: ["Gateway", "GKEIPRoute"], some: true, loaded: [] },
    });
  },
  60_000,
);

test.each([
  ["podpin/pulumi", "cdk8s", "@pulumi/pulumi"],
  ["podpin/cdk8s", "pulumi", "cdk8s"],
])("%s says what to install where it is missing", async (entry, installed, missing) => {
  const { status, output } = await runScript(
    installed === "cdk8s" ? cdk8s : pulumi,
    "missing.cjs",
    `try { require("${entry}") } catch (error) { console.log(error.message) }`,
  );
  expect(status).toBe(0);
  expect(output).toMatch(new RegExp(`^${entry} needs .*${missing}.*; run: npm i `));
});

/** Gives a folder of packages all others of the repository, so that a copied package finds its dependencies. */
async function linkTheRest(modules: string): Promise<void> {
  const from = path.join(REPOSITORY, "node_modules");
  const scopes = (await readdir(from)).filter((name) => name.startsWith("@"));
  const names = [
    ...(await readdir(from)).filter((name) => !/^[@.]/.test(name)),
    ...(
      await Promise.all(
        scopes.map(async (scope) => (await readdir(path.join(from, scope))).map((name) => `${scope}/${name}`)),
      )
    ).flat(),
  ];
  const present = async (name: string) =>
    (await readdir(path.dirname(path.join(modules, name))).catch((): string[] => [])).includes(path.basename(name));
  for (const name of names) {
    if (await present(name)) continue;
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true });
    await symlink(path.join(from, name), path.join(modules, name));
  }
  await rm(path.join(modules, ".bin"), { force: true, recursive: true });
}

function parsed(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    // Whatever else it says is what the reader of a failed test needs.
    return output;
  }
}
