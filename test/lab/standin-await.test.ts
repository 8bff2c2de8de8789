import { parseJsonPath } from "../../lab/pulumi/kubernetes-plugin/await/json-path";
import { readinessRule, service, serviceHasEndpoints } from "../../lab/pulumi/kubernetes-plugin/await/readiness";
import { Cancellation, NotReadyError, untilGone, untilReady } from "../../lab/pulumi/kubernetes-plugin/await/wait";
import { parseWaitFor } from "../../lab/pulumi/kubernetes-plugin/await/wait-for";
import { ApiError, ConnectionError } from "../../lab/pulumi/kubernetes-plugin/client";
import type { JsonObject } from "../../lab/pulumi/kubernetes-plugin/values";

const ready = (status: string, more: JsonObject = {}): JsonObject => ({
  metadata: { generation: 2 },
  status: { conditions: [{ type: "Ready", status, reason: "NoPodsFound", message: "none matches", ...more }] },
});

describe("pulumi.com/waitFor", () => {
  test.each<[string, JsonObject, string[]]>([
    ["condition=Ready", ready("True"), []],
    ["condition=ready=true", ready("True"), []],
    ["condition=Ready=False", ready("False"), []],
    ["condition=Ready", ready("True", { observedGeneration: 2 }), []],
    ["condition=Ready", {}, ["condition Ready is not there yet (want True)"]],
    ["condition=Ready", ready("False"), ["condition Ready is False (want True): NoPodsFound: none matches"]],
    [
      "condition=Ready",
      ready("True", { observedGeneration: 1 }),
      ["condition Ready is about generation 1, not 2: its controller lags behind"],
    ],
    ["jsonpath={.status.conditions[0].status}=True", ready("True"), []],
    ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', ready("True"), []],
    ["jsonpath={.status.phase}", ready("True"), ["{.status.phase} is not there yet"]],
    ["jsonpath={.metadata.generation}=3", ready("True"), ["{.metadata.generation} is 2 (want 3)"]],
    ['["condition=Ready", "jsonpath={.metadata.generation}=2"]', ready("True"), []],
    [
      '["condition=Ready", "jsonpath={.a}"]',
      ready("False"),
      ["condition Ready is False (want True): NoPodsFound: none matches", "{.a} is not there yet"],
    ],
  ])("%s", (text, object, reasons) => {
    expect(parseWaitFor(text)(object)).toMatchObject({ ready: reasons.length === 0, reasons });
  });

  test("refuses what it cannot read, with what to write", () => {
    expect(() => parseWaitFor("Ready")).toThrow(
      'pulumi.com/waitFor: got "Ready"; write "condition=Ready", "condition=Ready=False" or "jsonpath={.status.phase}=Running"',
    );
    expect(() => parseWaitFor("[]")).toThrow("pulumi.com/waitFor: got an empty list; give at least one condition");
    expect(() => parseWaitFor("jsonpath={.a[?(@.b > 1)]}")).toThrow(
      '"{.a[?(@.b > 1)]}" cannot be read from "[?(@.b > 1)]" on; write fields, indices, [*] or one-field filters, ' +
        'for example {.status.phase} or {.status.conditions[?(@.type=="Ready")].status}',
    );
  });

  test("a condition about an older generation by the object's own status says nothing", () => {
    const object = ready("True");
    (object["status"] as JsonObject)["observedGeneration"] = 1;
    expect(parseWaitFor("condition=Ready")(object).ready).toBe(false);
  });
});

test.each<[string, unknown[]]>([
  ["{.a.b}", [{ c: 1 }]],
  ["$.a.b.c", [1]],
  ["{.a['b'].c}", [1]],
  [".list[*].n", [1, 2]],
  [".list[-1].n", [2]],
  [".list[?(@.n==2)].n", [2]],
  [".a.*.c", [1]],
  [".labels.podpin\\.dev/x", ["y"]],
  [".missing.more", []],
])("the JSONPath %s finds %j", (path, found) => {
  expect(
    parseJsonPath(path)({ a: { b: { c: 1 } }, list: [{ n: 1 }, { n: 2 }], labels: { "podpin.dev/x": "y" } }),
  ).toEqual(found);
});

describe("readiness", () => {
  const object = (apiVersion: string, kind: string, spec: JsonObject, status: JsonObject): JsonObject => ({
    apiVersion,
    kind,
    metadata: { name: "it", generation: 2 },
    spec,
    status,
  });
  const deployed = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  const deployment = (status: JsonObject): JsonObject => object("apps/v1", "Deployment", { replicas: 2 }, status);
  const stateful = (status: JsonObject, spec: JsonObject = {}): JsonObject =>
    object("apps/v1", "StatefulSet", { replicas: 3, ...spec }, { observedGeneration: 2, ...status });
  const daemons = (status: JsonObject): JsonObject => object("apps/v1", "DaemonSet", {}, status);

  test.each<[string, JsonObject, string[]]>([
    ["a Deployment with all replicas", deployment(deployed), []],
    ["a Deployment without replicas", object("apps/v1", "Deployment", { replicas: 0 }, { observedGeneration: 2 }), []],
    [
      "a Deployment not seen yet",
      deployment({ ...deployed, observedGeneration: 1 }),
      ["its controller has not seen this generation yet"],
    ],
    [
      "a Deployment rolling out",
      deployment({ ...deployed, replicas: 3, updatedReplicas: 1 }),
      ["1 of 2 replicas have the new template", "2 old replicas are still there"],
    ],
    ["a Deployment coming up", deployment({ ...deployed, availableReplicas: 1 }), ["1 of 2 replicas are available"]],
    ["a StatefulSet all updated", stateful({ readyReplicas: 3, currentRevision: "a", updateRevision: "a" }), []],
    [
      "a StatefulSet rolling out",
      stateful({ readyReplicas: 3, currentRevision: "a", updateRevision: "b", updatedReplicas: 1 }),
      ["1 of 3 replicas have the new template"],
    ],
    [
      "a StatefulSet updated down to its partition",
      stateful(
        { readyReplicas: 3, currentRevision: "a", updateRevision: "b", updatedReplicas: 1 },
        { updateStrategy: { rollingUpdate: { partition: 2 } } },
      ),
      [],
    ],
    [
      "a StatefulSet starting",
      stateful({ readyReplicas: 1, currentRevision: "a", updateRevision: "a" }),
      ["1 of 3 replicas are ready"],
    ],
    [
      "a DaemonSet on every node",
      daemons({ observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 }),
      [],
    ],
    [
      "a DaemonSet with its last status",
      daemons({ observedGeneration: 1, desiredNumberScheduled: 0 }),
      ["its controller has not seen this generation yet"],
    ],
    [
      "a DaemonSet on one node",
      daemons({ observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 1 }),
      ["1 of 3 Pods are available"],
    ],
    ["a finished Job", object("batch/v1", "Job", {}, { conditions: [{ type: "Complete", status: "True" }] }), []],
    ["a running Job", object("batch/v1", "Job", {}, { active: 1 }), ["0 Pods have succeeded, 1 are active"]],
    ["a Pod that has run", object("v1", "Pod", {}, { phase: "Succeeded" }), []],
    [
      "a Pod without its image",
      object(
        "v1",
        "Pod",
        {},
        {
          phase: "Pending",
          containerStatuses: [{ name: "a", state: { waiting: { reason: "ErrImagePull", message: "no" } } }],
        },
      ),
      ['container "a" waits: ErrImagePull: no'],
    ],
    [
      "an Established CRD",
      object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {},
        { conditions: [{ type: "Established", status: "True" }] },
      ),
      [],
    ],
    ["a new CRD", object("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, {}), ["not Established yet"]],
  ])("of %s", (_what, subject, reasons) => {
    const kind = String(subject["kind"]);
    expect(readinessRule(subject)?.(subject)).toMatchObject({
      ready: reasons.length === 0,
      reasons: reasons.map((reason) => `${kind} "it": ${reason}`),
    });
  });

  test("is given up where waiting cannot help", () => {
    const stuck = deployment({
      ...deployed,
      availableReplicas: 0,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "too slow" }],
    });
    expect(readinessRule(stuck)?.(stuck).failed).toBe(true);
    const failed = object(
      "batch/v1",
      "Job",
      {},
      { conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "no" }] },
    );
    expect(readinessRule(failed)?.(failed)).toMatchObject({
      failed: true,
      reasons: ['Job "it": BackoffLimitExceeded: no'],
    });
  });

  test("of a Service needs a ready endpoint, unless it is headless, selects nothing or is a name", () => {
    const web = object("v1", "Service", { selector: { app: "web" } }, {});
    expect(service(web, []).reasons).toEqual(['Service "it" has no ready Pod behind it (0 not ready)']);
    expect(service(web, [{ endpoints: [{ conditions: { ready: false } }] }]).ready).toBe(false);
    expect(service(web, [{ endpoints: [{ conditions: { ready: true } }] }]).ready).toBe(true);
    const without: JsonObject[] = [
      { selector: { app: "web" }, clusterIP: "None" },
      {},
      { selector: { a: "b" }, type: "ExternalName" },
    ];
    for (const spec of without) {
      expect(serviceHasEndpoints(object("v1", "Service", spec, {}))).toBe(false);
    }
    const balanced = object("v1", "Service", { type: "LoadBalancer" }, {});
    expect(service(balanced, []).reasons).toEqual(['Service "it" has no load balancer address yet']);
  });

  test("of other kinds is their existence", () => {
    expect(readinessRule(object("v1", "ConfigMap", {}, {}))).toBeUndefined();
  });
});

describe("a wait", () => {
  const options = (more: { seconds?: number; cancellation?: Cancellation } = {}) => {
    const told: string[] = [];
    const cancellation = more.cancellation ?? new Cancellation();
    return {
      seconds: 5,
      onProgress: (reasons: readonly string[]) => void told.push(reasons.join()),
      told,
      ...more,
      cancellation,
    };
  };
  const answers = (...list: readonly (JsonObject | Error | undefined)[]) => {
    let next = 0;
    return async (): Promise<JsonObject | undefined> => {
      const answer = list[Math.min(next++, list.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    };
  };
  const judge = (object: JsonObject) => ({ ready: object["n"] === 2, reasons: [`n is ${String(object["n"])}`] });

  test("outlasts an absent object and an API server that is away, and tells each change once", async () => {
    const wait = options();
    const unavailable = new ApiError(503, undefined, "starting");
    const read = answers({ n: 1 }, { n: 1 }, undefined, new ConnectionError("away"), unavailable, { n: 2 });
    expect(await untilReady(read, judge, {}, wait)).toEqual({ n: 2 });
    expect(wait.told).toEqual(["n is 1", "it was deleted meanwhile", "away", "starting"]);
  });

  test("ends at its time with the last object and what is missing", async () => {
    const error = await untilReady(answers({ n: 1 }), judge, {}, options({ seconds: 0 })).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NotReadyError);
    expect(error).toMatchObject({
      message: "timed out waiting for the condition after 0 s: n is 1",
      object: { n: 1 },
      reasons: ["n is 1"],
    });
  });

  test("ends at once when the deployment is cancelled, or waiting cannot help", async () => {
    const cancellation = new Cancellation();
    const pending = untilReady(answers({ n: 1 }), judge, {}, options({ cancellation, seconds: 3600 }));
    cancellation.cancel();
    await expect(pending).rejects.toThrow("the deployment was cancelled while it waited");
    const hopeless = () => ({ ready: false, failed: true, reasons: ["no"] });
    await expect(untilReady(answers({}), hopeless, {}, options({ seconds: 3600 }))).rejects.toThrow(/^no$/);
  });

  test("does not take the API server's refusal for a reason to go on", async () => {
    const read = answers(new ApiError(403, { message: "forbidden" }, ""));
    await expect(untilReady(read, judge, {}, options())).rejects.toThrow("forbidden");
  });

  test("for an end is over when the object is gone or another one has its name", async () => {
    const old = { uid: "a" };
    const isOld = (object: JsonObject): boolean => object["uid"] === "a";
    const describeIt = () => ["still there"];
    await untilGone(answers(old, undefined), isOld, describeIt, old, options());
    await untilGone(answers(old, { uid: "b" }), isOld, describeIt, old, options());
    await expect(untilGone(answers(old), isOld, describeIt, old, options({ seconds: 0 }))).rejects.toThrow(
      "still there",
    );
  });
});
