import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execCommand, ExecCredential } from "../../lab/pulumi/kubernetes-plugin/exec-credential";
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
    [{ kubeconfig: "{\n  nonsense" }, "kubeconfig: it is not YAML or JSON"],
  ])("that leads nowhere says where it stopped: %j", (choice, text) => {
    expect(() => loadAccess(choice)).toThrow(text);
  });
});

describe("a user that gets tokens from a command", () => {
  /** A command that counts its calls and prints what it is told. */
  const command = (name: string, body: string) => {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho called >> ${file}.calls\n${body}\n`, { mode: 0o755 });
    const exec = execCommand("gke", { command: file, args: ["one"], env: [{ name: "EXTRA", value: "two" }] });
    const calls = () => readFileSync(`${file}.calls`, "utf8").trim().split("\n").length;
    return { credential: new ExecCredential(exec), calls };
  };
  const answer = (token: string, until: string) =>
    JSON.stringify({ kind: "ExecCredential", status: { token, expirationTimestamp: until } });

  test("is one where the kubeconfig has exec", () => {
    const { exec, token } = loadAccess({ kubeconfig: KUBECONFIG, context: "three" });
    expect([exec?.command, exec?.user, token]).toEqual(["gke-gcloud-auth-plugin", "command", undefined]);
  });

  test("asks once while the token lasts, with its arguments and environment", async () => {
    const { credential, calls } = command("lasting", `cat <<END\n${answer("$1-$EXTRA", "2999-01-01T00:00:00Z")}\nEND`);
    expect([await credential.token(), await credential.token()]).toEqual(["one-two", "one-two"]);
    expect(calls()).toBe(1);
  });

  test("asks again when the token has ended", async () => {
    const { credential, calls } = command("ended", `echo '${answer("old", "2001-01-01T00:00:00Z")}'`);
    await credential.token();
    await credential.token();
    expect(calls()).toBe(2);
  });

  test.each([
    ["silent", "true", /the command \S+ printed no token$/],
    ["failing", "echo sign in first >&2; exit 1", /the command \S+ failed: sign in first$/],
  ])("says so when the command is %s", async (name, body, text) => {
    await expect(command(name, body).credential.token()).rejects.toThrow(text);
  });

  test("says how to install a command that is missing", async () => {
    const exec = execCommand("gke", { command: "absent-auth-plugin", installHint: "install it with your packages" });
    await expect(new ExecCredential(exec).token()).rejects.toThrow(
      'kubeconfig: user "gke": the command absent-auth-plugin is not on PATH; install it with your packages',
    );
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
