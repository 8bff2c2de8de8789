// Who may ask, and what there is to ask for, both of which can change at any time.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubeconfigOf } from "../../../controller-image/src/kube/kubeconfig";
import { RESOURCES, type KubeObject, type Resource } from "../../../lib/model/kubernetes";
import { until } from "../../support/fake-api-server";
import { type Bench, configMap, type Map, VISITOR } from "./bench";

const { configMaps, customResourceDefinitions } = RESOURCES;
const RBAC = "rbac.authorization.k8s.io";
const roles: Resource = { group: RBAC, version: "v1", plural: "roles", kind: "Role", namespaced: true };
const roleBindings: Resource = {
  group: RBAC,
  version: "v1",
  plural: "rolebindings",
  kind: "RoleBinding",
  namespaced: true,
};

export function rightsScenarios(bench: Bench): void {
  const visitor = () => kubeconfigOf(JSON.parse(readFileSync(bench.cluster.kubeconfigOf(VISITOR), "utf8"))).token;

  test("a client without rights says so, and follows as soon as it is given them", async () => {
    const namespace = await bench.spaceWith("one");
    const { kube } = await bench.behindProxy(undefined, { token: visitor() });
    const { reflector, seen } = bench.begin<Map>(kube, { resource: configMaps, namespace });
    await until("the refusal", () => reflector.lastError !== undefined);
    expect([reflector.synced, reflector.lastError]).toEqual([false, expect.stringContaining("(403)")]);
    await allow(namespace);
    await until("the first list", () => reflector.synced, 60_000);
    expect([seen, reflector.lastError]).toEqual([[`set ${namespace}/one`], undefined]);
  });

  test("a client that loses its rights keeps what it knows, and goes on when it has them again", async () => {
    const namespace = await bench.spaceWith("one");
    await allow(namespace);
    const { kube, proxy } = await bench.behindProxy(undefined, { token: visitor() });
    const { reflector } = bench.begin<Map>(kube, { resource: configMaps, namespace });
    await until("the first list", () => reflector.synced, 60_000);
    await bench.admin.delete(roleBindings, { namespace, name: VISITOR });
    let brokenAt = 0;
    const refused = (): boolean => {
      // A watch that is open stays open, whatever becomes of the rights; and the server hears of them a moment later.
      if (performance.now() - brokenAt > 300) {
        proxy.breakAll();
        brokenAt = performance.now();
      }
      return reflector.lastError?.includes("(403)") === true;
    };
    await until("the refusal", refused, 60_000);
    await bench.admin.create(configMaps, configMap(namespace, "two"));
    expect([...reflector.values()].map(({ metadata }) => metadata.name)).toEqual(["one"]);
    await allow(namespace);
    await until("the change", () => reflector.get(`${namespace}/two`) !== undefined, 60_000);
  });

  async function allow(namespace: string): Promise<void> {
    const metadata = { namespace, name: VISITOR };
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }];
    await bench.admin.apply(roles, { metadata, rules } as KubeObject, "test");
    await bench.admin.create(roleBindings, {
      metadata,
      roleRef: { apiGroup: RBAC, kind: "Role", name: VISITOR },
      subjects: [{ apiGroup: RBAC, kind: "User", name: VISITOR }],
    } as KubeObject);
  }

  test("a token that has ended is replaced by the one that the file has now, without a failure", async () => {
    const folder = mkdtempSync(join(tmpdir(), "podpin-token-"));
    try {
      const file = join(folder, "token");
      writeFileSync(file, String(bench.config.token));
      const namespace = await bench.spaceWith("one");
      const { kube, proxy } = await bench.behindProxy(undefined, { token: { file } });
      const { reflector, seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
      // The server no longer takes it, as after an hour; the file has had the next one for some time.
      let ended = true;
      writeFileSync(file, `${String(bench.config.token)}`);
      proxy.treat = () => (ended ? { refuse: { status: 401 } } : undefined);
      proxy.breakAll();
      await until("the refusal", () => reflector.lastError?.includes("(401)") === true, 10_000);
      expect([...reflector.values()]).toHaveLength(1);
      ended = false;
      await bench.admin.create(configMaps, configMap(namespace, "two"));
      await until("the change", () => seen.length === 2, 10_000);
      expect(proxy.lists).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a token that was renewed in its file is used at once when the server refuses the old one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "podpin-token-"));
    try {
      const file = join(folder, "token");
      writeFileSync(file, "of yesterday");
      const namespace = await bench.spaceWith("one");
      const { kube, proxy } = await bench.behindProxy(
        ({ headers }) => {
          // Renewed between the reading and the refusal.
          if (headers.authorization === "Bearer of yesterday") writeFileSync(file, String(bench.config.token));
          return undefined;
        },
        { token: { file } },
      );
      await bench.follow<Map>(kube, { resource: configMaps, namespace });
      expect(proxy.lists.map(({ headers }) => headers.authorization === "Bearer of yesterday")).toEqual([true, false]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a definition that is deleted takes its objects with it, and is followed again when it is back", async () => {
    const kind: Resource = { group: "podpin.test", version: "v1", plural: "comers", kind: "Comer", namespaced: false };
    const definition = {
      metadata: { name: "comers.podpin.test" },
      spec: {
        group: kind.group,
        scope: "Cluster",
        names: { plural: kind.plural, singular: "comer", kind: kind.kind },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    } as KubeObject;
    const install = async (): Promise<void> => {
      await bench.admin.create(customResourceDefinitions, definition);
      await bench.cluster.kubectl([
        "wait",
        "--for=condition=Established",
        "crd",
        definition.metadata.name,
        "--timeout=30s",
      ]);
    };
    await install();
    await bench.admin.create(kind, { metadata: { name: "first" } });
    const { kube } = await bench.behindProxy();
    const { reflector, seen } = await bench.follow(kube, { resource: kind });
    await bench.cluster.kubectl(["delete", "crd", definition.metadata.name, "--timeout=30s"]);
    await until("the deletion", () => seen.includes("delete first"), 60_000);
    await until("the error", () => reflector.lastError !== undefined, 60_000);
    expect(reflector.lastError).toBe("Comer (podpin.test/v1) is not served by the API server");
    await install();
    await bench.admin.create(kind, { metadata: { name: "second" } });
    await until("the new object", () => reflector.get("second") !== undefined, 20_000);
    expect(reflector.lastError).toBeUndefined();
  });

  test("a namespace that is deleted takes its objects with it, one by one", async () => {
    const namespace = await bench.spaceWith("one", "two");
    const { kube } = await bench.behindProxy();
    const { reflector } = await bench.follow<Map>(kube, { resource: configMaps });
    const mine = (): number =>
      [...reflector.values()].filter(({ metadata }) => metadata.namespace === namespace).length;
    expect(mine()).toBe(2);
    await bench.cluster.kubectl(["delete", "configmaps", "--all", "-n", namespace]);
    await until("both deletions", () => mine() === 0, 10_000);
  });
}
