import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadAccess } from "../../lab/pulumi/kubernetes-plugin/kubeconfig";
import { diffSettings, readSettings } from "../../lab/pulumi/kubernetes-plugin/settings";
import { secret } from "../../lab/pulumi/kubernetes-plugin/values";

const folder = mkdtempSync(join(tmpdir(), "podpin-kubeconfig-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const KUBECONFIG = `
current-context: one
contexts:
  - { name: one, context: { cluster: a, user: token, namespace: edge } }
  - { name: two, context: { cluster: b, user: cert } }
  - { name: three, context: { cluster: a, user: command } }
clusters:
  - { name: a, cluster: { server: "https://192.0.2.1:6443/", certificate-authority-data: ${base64("CA")} } }
  - { name: b, cluster: { server: "https://192.0.2.2", insecure-skip-tls-verify: true } }
users:
  - { name: token, user: { token: t0k } }
  - { name: cert, user: { client-certificate-data: ${base64("CERT")}, client-key: key.pem } }
  - { name: command, user: { exec: { command: gke-gcloud-auth-plugin } } }
`;

describe("a kubeconfig", () => {
  test("is taken as text, with the context that is asked for", () => {
    const access = loadAccess({ kubeconfig: KUBECONFIG });
    expect(access).toMatchObject({ server: "https://192.0.2.1:6443", ca: "CA", token: "t0k", namespace: "edge" });
    expect(loadAccess({ kubeconfig: KUBECONFIG, cluster: "b" })).toMatchObject({ server: "https://192.0.2.2" });
  });

  test("is taken as a path, or from KUBECONFIG, and its own paths are relative to it", () => {
    const file = join(folder, "config");
    writeFileSync(file, KUBECONFIG);
    writeFileSync(join(folder, "key.pem"), "KEY");
    const expected = { server: "https://192.0.2.2", certificate: "CERT", key: "KEY", insecure: true };
    expect(loadAccess({ kubeconfig: file, context: "two" })).toMatchObject(expected);
    expect(loadAccess({ context: "two" }, { KUBECONFIG: `/absent:${file}` })).toMatchObject(expected);
  });

  test.each([
    [
      { kubeconfig: "/absent/config" },
      "kubeconfig: /absent/config does not exist; set kubeconfig on the provider, or KUBECONFIG",
    ],
    [{ kubeconfig: KUBECONFIG, context: "four" }, 'kubeconfig: contexts: got no "four"; there is: one, two, three'],
    [{ kubeconfig: KUBECONFIG, context: "three" }, 'kubeconfig: user "command" gets its token from a command (exec)'],
    [{ kubeconfig: "{\n  nonsense" }, "kubeconfig: it is not YAML or JSON"],
  ])("that leads nowhere says where it stopped: %j", (choice, text) => {
    expect(() => loadAccess(choice)).toThrow(text);
  });
});

describe("the provider's settings", () => {
  test("come from the program, else from the environment", () => {
    const env = { PULUMI_K8S_ENABLE_PATCH_FORCE: "true", PULUMI_K8S_NAMESPACE: "edge" };
    const settings = readSettings(
      { kubeconfig: secret("text"), enableSecretMutable: "true", enablePatchForce: "false" },
      env,
    );
    expect(settings).toMatchObject({
      access: { kubeconfig: "text" },
      namespace: "edge",
      secretsMutable: true,
      configMapsMutable: false,
      patchForce: false,
    });
    expect(() => readSettings({ renderYamlToDirectory: "out" })).toThrow("renderYamlToDirectory: the lab's stand-in");
  });

  test("mean another cluster only when the identifier or, without one, the server changes", () => {
    const to = (context: string) => ({
      kubeconfig: KUBECONFIG.replace("current-context: one", `current-context: ${context}`),
    });
    const diffs = (olds: object, news: object) => diffSettings(olds as never, news as never);
    expect(diffs(to("one"), to("two"))).toEqual({ changed: ["kubeconfig"], replaces: ["kubeconfig"] });
    expect(diffs(to("one"), { kubeconfig: KUBECONFIG.replace("t0k", "n3w") })).toEqual({
      changed: ["kubeconfig"],
      replaces: [],
    });
    const same = { clusterIdentifier: "c1" };
    expect(diffs({ ...to("one"), ...same }, { ...to("two"), ...same })).toEqual({
      changed: ["kubeconfig"],
      replaces: [],
    });
    expect(diffs(same, { clusterIdentifier: "c2" })).toEqual({
      changed: ["clusterIdentifier"],
      replaces: ["clusterIdentifier"],
    });
    expect(diffs({}, same)).toEqual({ changed: ["clusterIdentifier"], replaces: [] });
    expect(diffs({ version: "4.1.0" }, { version: "4.2.0" })).toEqual({ changed: [], replaces: [] });
  });
});
