// The kubernetes plugin, as the real engine and a real API server see it. These tests say what programs may rely on, so
// they hold for the real plugin as well as for the lab's stand-in: whichever the machine has is the one tested.
import { inTurns } from "./in-turns";
import { configMap, route, startBench, type Bench } from "./objects-program";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
}, 120_000);

afterAll(async () => bench?.stop());

jest.setTimeout(300_000);

// Stacks of their own, with objects of their own: they wait more than they work, so a few run at the same time.
const turn = inTurns(3);
const together = (title: string, run: () => Promise<void>): void => test.concurrent(title, () => turn(run));

const kubectl = (...args: readonly string[]): Promise<string> => bench.cluster.kubectl(args);

async function json(...args: readonly string[]): Promise<{ metadata: Record<string, unknown>; data?: unknown }> {
  return JSON.parse(await kubectl("get", ...args, "-o", "json")) as never;
}

/** Looks every 50 ms. Patient, because only what never happens may fail, however slow the machine is. */
async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function condition(type: string, status: string, reason: string, message: string, observedGeneration = 1): object {
  return { type, status, reason, message, observedGeneration, lastTransitionTime: "2026-11-01T00:00:00Z" };
}

function setStatus(kind: string, name: string, status: object): Promise<string> {
  return kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
}

const stepsOf = (result: { steps: readonly { op: string; urn: string }[] }, name: string): string[] =>
  result.steps.filter((step) => step.urn.endsWith(`::${name}`)).map((step) => step.op);

describe("a life of plain objects", () => {
  together("creates, names, leaves alone, updates, replaces and deletes as declared, and destroys it all", async () => {
    const program = await bench.program("life");
    const nameless = configMap("nameless", { color: "green" });
    const { name: _name, ...metadata } = nameless.object["metadata"] as Record<string, unknown>;
    const first = configMap("kept", { color: "red" }, { labels: { tier: "one" } });
    program.declare(first, { ...nameless, object: { ...nameless.object, metadata } });
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 3 } });
    expect((await json("configmap", "kept")).data).toEqual({ color: "red" });
    const names = (await kubectl("get", "configmaps", "-o", "name")).split("\n");
    expect(names.filter((name) => /^configmap\/nameless-[0-9a-f]{8}$/.test(name))).toHaveLength(1);
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 0, update: 0, replace: 0, same: 3 } });

    const before = (await json("configmap", "kept")).metadata;
    // A label comes, and one goes that came with the create.
    program.declare(configMap("kept", { color: "red" }, { labels: { team: "edge" } }));
    expect(await program.up()).toMatchObject({ ok: true, changes: { update: 1, delete: 1, same: 1 } });
    const labelled = (await json("configmap", "kept")).metadata;
    expect([labelled["uid"], labelled["labels"]]).toEqual([before["uid"], { team: "edge" }]);

    program.declare(configMap("kept", { color: "blue" }));
    const result = await program.up();
    expect(result).toMatchObject({ ok: true, changes: { replace: 1 } });
    // One name cannot be had by two objects: the old one goes first.
    expect(stepsOf(result, "kept")).toEqual(["delete-replaced", "replace", "create-replacement"]);
    expect((await json("configmap", "kept")).metadata["uid"]).not.toBe(before["uid"]);

    expect(await program.destroy()).toMatchObject({ ok: true, changes: { delete: 2 } });
    expect(await kubectl("get", "configmaps", "-o", "name")).not.toMatch(/kept|nameless/);
  });

  together("sees in a refresh that an object is gone, and makes it again", async () => {
    const program = await bench.program("lost");
    program.declare(configMap("lost", { color: "red" }));
    expect(await program.up()).toMatchObject({ ok: true });
    await kubectl("delete", "configmap", "lost");
    expect(await program.refresh()).toMatchObject({ ok: true, changes: { delete: 1 } });
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 1 } });
  });
});

describe("waiting", () => {
  const waitFor = { "pulumi.com/waitFor": "condition=Ready" };

  together("holds the deployment until the condition is True for this generation", async () => {
    const program = await bench.program("waits");
    program.declare(route("slow", {}, { annotations: waitFor, customTimeouts: { create: "60s" } }));
    let done = false;
    const up = program.up().finally(() => (done = true));
    await eventually(() => json("gkeiproute", "slow"), "the route's creation");

    await setStatus("gkeiproute", "slow", { conditions: [condition("Ready", "True", "Old", "stale", 0)] });
    await setStatus("gkeiproute", "slow", { conditions: [condition("Ready", "False", "GCPNotReady", "not yet")] });
    expect(done).toBe(false);
    await setStatus("gkeiproute", "slow", { conditions: [condition("Ready", "True", "Ready", "it works")] });
    expect(await up).toMatchObject({ ok: true, changes: { create: 2 } });
  });

  together(
    "fails at customTimeouts.create with the condition's reason, and keeps the object in the state",
    async () => {
      const program = await bench.program("fails");
      program.declare(route("never", {}, { annotations: waitFor, customTimeouts: { create: "15s" } }));
      const up = program.up();
      await eventually(() => json("gkeiproute", "never"), "the route's creation");
      await setStatus("gkeiproute", "never", {
        conditions: [condition("Ready", "False", "NoPodsFound", "no Pod matches app=proxy")],
      });
      const result = await up;
      expect(result.ok).toBe(false);
      if (bench.env.kubernetesPlugin.kind === "stand-in") {
        expect(result.diagnostics.map(({ message }) => message).join("\n")).toMatch(
          /condition Ready is False \(want True\): NoPodsFound: no Pod matches app=proxy/,
        );
      }
      expect(await program.destroy()).toMatchObject({ ok: true, changes: { delete: 2 } });
      expect(await kubectl("get", "gkeiproutes", "-o", "name")).not.toContain("never");
    },
  );

  together("is over when the deployment is cancelled, and the stack can be used again", async () => {
    const program = await bench.program("cancelled");
    program.declare(route("endless", {}, { annotations: waitFor }));
    const abort = new AbortController();
    const up = program.up({ signal: abort.signal });
    await eventually(() => json("gkeiproute", "endless"), "the route's creation");
    abort.abort();
    const result = await up;
    // Not a failure of the wait, which would go on for minutes.
    expect(result).toMatchObject({ ok: false, code: 130 });
    expect(await program.destroy()).toMatchObject({ ok: true, changes: { delete: 2 } });
    expect(await kubectl("get", "gkeiproutes", "-o", "name")).not.toContain("endless");
  });

  together("awaits a Deployment's replicas, but not with pulumi.com/skipAwait", async () => {
    const program = await bench.program("deployment");
    const labels = { app: "web" };
    const spec = {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    };
    const deployment = (name: string, annotations: Record<string, string> = {}) => ({
      ...configMap(name, {}),
      object: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: {
          name,
          namespace: "default",
          annotations: { "pulumi.com/deletionPropagationPolicy": "background", ...annotations },
        },
        spec,
      },
    });
    program.declare(deployment("unwaited", { "pulumi.com/skipAwait": "true" }));
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 2 } });
    // What the real plugin looks at beyond the Deployment's own status takes the controllers, which are not here.
    if (bench.env.kubernetesPlugin.kind === "stand-in") {
      program.declare(deployment("web"));
      const up = program.up();
      await eventually(() => json("deployment", "web"), "the Deployment's creation");
      const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
      await setStatus("deployment", "web", { observedGeneration: 1, ...counts });
      expect(await up).toMatchObject({ ok: true });
    }
  });
});

describe("what is there already", () => {
  together("is taken into the stack by import, when the program says the same as the cluster", async () => {
    const declared = configMap("adopted", { color: "red" });
    await bench.cluster.kubectl(["create", "-f", "-"], JSON.stringify(declared.object));
    const before = (await json("configmap", "adopted")).metadata["uid"];
    const program = await bench.program("import");
    program.declare({ ...declared, options: { import: "default/adopted" } });
    expect(await program.up()).toMatchObject({ ok: true });
    program.declare(declared);
    expect(await program.up()).toMatchObject({ ok: true, changes: { same: 2 } });
    program.declare(configMap("adopted", { color: "red" }, { labels: { team: "edge" } }));
    expect(await program.up()).toMatchObject({ ok: true, changes: { update: 1 } });
    expect((await json("configmap", "adopted")).metadata).toMatchObject({ uid: before, labels: { team: "edge" } });
  });

  together("keeps a field that the program ignores as somebody else has set it", async () => {
    const program = await bench.program("ignored");
    const options = { ignoreChanges: ["spec.network"] };
    program.declare(route("half", { network: "default" }, options));
    expect(await program.up()).toMatchObject({ ok: true });
    const foreign = JSON.stringify({ spec: { network: "green" } });
    await kubectl("patch", "gkeiproute", "half", "--type=merge", "--field-manager=intruder", "-p", foreign);
    program.declare(route("half", { network: "blue", reactionMode: "Exists" }, options));
    expect(await program.up()).toMatchObject({ ok: true, changes: { update: 1 } });
    const spec = JSON.parse(await kubectl("get", "gkeiproute", "half", "-o", "jsonpath={.spec}")) as object;
    expect(spec).toMatchObject({ network: "green", reactionMode: "Exists" });
  });
});

describe("refusals", () => {
  together("fails to create what exists already, and leaves it as it is", async () => {
    await kubectl("create", "configmap", "taken", "--from-literal=owner=somebody");
    const program = await bench.program("exists");
    program.declare(configMap("taken", { owner: "me" }));
    const result = await program.up();
    expect(result.ok).toBe(false);
    expect(result.diagnostics.map(({ message }) => message).join("\n")).toContain('configmaps "taken" already exists');
    expect((await json("configmap", "taken")).data).toEqual({ owner: "somebody" });
    await program.destroy();
    expect((await json("configmap", "taken")).data).toEqual({ owner: "somebody" });
  });

  together("names the field that another manager has changed, instead of overwriting it", async () => {
    const program = await bench.program("conflict");
    program.declare(route("shared", { network: "default" }));
    expect(await program.up()).toMatchObject({ ok: true });
    const foreign = JSON.stringify({ spec: { network: "green" } });
    await kubectl("patch", "gkeiproute", "shared", "--type=merge", "--field-manager=intruder", "-p", foreign);
    program.declare(route("shared", { network: "blue" }));
    const result = await program.up();
    expect(result.ok).toBe(false);
    const said = result.diagnostics.map(({ message }) => message).join("\n");
    expect(said).toMatch(/\.spec\.network/);
    expect(said).toContain("intruder");

    program.declare(route("shared", { network: "blue" }, { annotations: { "pulumi.com/patchForce": "true" } }));
    expect(await program.up()).toMatchObject({ ok: true });
    expect(await kubectl("get", "gkeiproute", "shared", "-o", "jsonpath={.spec.network}")).toBe("blue");
  });
});

describe("previews", () => {
  together("show a replacement of a route whose network changes, where the program asks for one", async () => {
    const program = await bench.program("replacement");
    const options = { replaceOnChanges: ["spec.network"], deleteBeforeReplace: true };
    program.declare(route("moved", { network: "default" }, options));
    expect(await program.up()).toMatchObject({ ok: true });
    program.declare(route("moved", { network: "blue" }, options));
    const result = await program.preview({ diff: true });
    expect(result).toMatchObject({ ok: true, changes: { replace: 1 } });
    expect(result.stdout).toMatch(/~ network: "default" => "blue"/);

    // A list's items are compared one by one.
    const [first, second] = ["198.51.100.7/32", "198.51.100.8/32"].map((value) => ({
      type: "gke.networking.io/cidr",
      value,
    }));
    program.declare(route("moved", { addresses: [second] }, options));
    const inPlace = await program.preview();
    expect(inPlace).toMatchObject({ changes: { update: 1, replace: 0 } });
    expect(inPlace.steps.find((step) => step.op === "update")?.diff).toEqual({ "spec.addresses[0].value": "update" });
    program.declare(route("moved", { addresses: [first, second] }, options));
    expect((await program.preview()).steps.find((step) => step.op === "update")?.diff).toEqual({
      "spec.addresses[1]": "add",
    });
  });

  together("go on where a value is not known yet, and ask the API server where everything is", async () => {
    const program = await bench.program("unknown");
    const space = {
      name: "space",
      object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "space" } },
    };
    program.declare(space, configMap("inside", { phase: { $of: "space", path: ["status", "phase"] } }));
    expect(await program.preview()).toMatchObject({ ok: true, changes: { create: 3 } });

    program.declare(route("wrong", { reactionMode: "Sometimes" }));
    const refused = await program.preview();
    expect(refused.ok).toBe(false);
    expect(refused.diagnostics.map(({ message }) => message).join("\n")).toMatch(/spec\.reactionMode/);
  });

  together("accept objects of a kind that the same program defines, and a deployment makes them in order", async () => {
    const program = await bench.program("kinds");
    const definition = {
      name: "widgets",
      object: {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: {
          name: "widgets.test.podpin.dev",
          annotations: { "pulumi.com/deletionPropagationPolicy": "background" },
        },
        spec: {
          group: "test.podpin.dev",
          scope: "Cluster",
          names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: {
                  type: "object",
                  properties: { spec: { type: "object", x_kubernetes_preserve_unknown_fields: true } },
                },
              },
            },
          ],
        },
      },
    };
    const widget = {
      name: "widget",
      after: ["widgets"],
      object: {
        apiVersion: "test.podpin.dev/v1",
        kind: "Widget",
        metadata: { name: "one", annotations: { "pulumi.com/deletionPropagationPolicy": "background" } },
        spec: { any: { thing: 1 } },
      },
    };
    program.declare(definition, widget);
    expect(await program.preview()).toMatchObject({ ok: true, changes: { create: 3 } });
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 3 } });
    expect(await kubectl("get", "widget", "one", "-o", "jsonpath={.spec.any.thing}")).toBe("1");
    expect(await program.up()).toMatchObject({ ok: true, changes: { same: 3 } });
    expect(await program.destroy()).toMatchObject({ ok: true });
  });
});

describe("secrets", () => {
  together("stay out of the state, wherever they are and whatever form they take", async () => {
    const program = await bench.program("secrets");
    const encoded = Buffer.from("correct horse").toString("base64");
    program.declare(
      {
        name: "secret",
        object: {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: "secret", annotations: { "pulumi.com/deletionPropagationPolicy": "background" } },
          stringData: { password: "correct horse" },
        },
      },
      configMap("open", { token: { $secret: "battery staple" }, color: "red" }),
    );
    expect(await program.up()).toMatchObject({ ok: true, changes: { create: 3 } });
    expect((await json("secret", "secret")).data).toEqual({ password: encoded });
    expect((await json("configmap", "open")).data).toEqual({ token: "battery staple", color: "red" });
    const state = await program.state();
    for (const text of ["correct horse", encoded, "battery staple"]) expect(state).not.toContain(text);
    expect(await program.up()).toMatchObject({ ok: true, changes: { same: 3 } });
  });
});
