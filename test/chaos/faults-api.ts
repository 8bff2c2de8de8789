// What happens to the API server, and to whom it answers.
import { API_SERVER_ADDRESS } from "../../lab/cluster/plan";
import type { Draw } from "./fault";
import { REFUSAL_KINDS, SOMEBODY } from "./setting";

const apiPaused: Draw = ({ lab }) => ({
  what: "the API server stands still",
  on: "api",
  begin: async () => lab.controlPlane.pauseApiServer(),
  end: async () => lab.controlPlane.resumeApiServer(),
});

/** It answers all, and everything late. */
const apiStutters: Draw = ({ lab: { controlPlane } }) => {
  let timer: NodeJS.Timeout | undefined;
  const go = (): void => {
    controlPlane.resumeApiServer();
    timer = setTimeout(stop, 50);
  };
  const stop = (): void => {
    controlPlane.pauseApiServer();
    timer = setTimeout(go, 250);
  };
  return {
    what: "the API server stutters: 50 ms in every 300 ms",
    on: "api",
    begin: async () => stop(),
    end: async () => {
      clearTimeout(timer);
      controlPlane.resumeApiServer();
    },
  };
};

const apiRestarted: Draw = ({ lab }, random) => {
  const forgets = random.chance(0.3);
  return {
    what: `the API server is killed and started${forgets ? ", and knows no older versions any more" : ""}`,
    on: "api",
    begin: async () => {
      if (forgets) await lab.controlPlane.compact();
      await lab.controlPlane.restartApiServer();
    },
  };
};

const Refusal = { Down: "is down", Slow: "is slow and optional", No: "says no" } as const;
type Refusal = (typeof Refusal)[keyof typeof Refusal];

const REFUSED: readonly (readonly [group: string, resource: string])[] = [
  ["networking.gke.io", "gkeiproutes/status"],
  ["podpin.dev", "addressbindings"],
  ["podpin.dev", "addressbindings/status"],
];
const API_VERSION = "admissionregistration.k8s.io/v1";
const { webhook, policy, policyBinding } = REFUSAL_KINDS;

/** Nobody listens there, or nobody is there. */
const webhookUrl = (refusal: Refusal): string =>
  `https://${refusal === Refusal.Down ? API_SERVER_ADDRESS : "172.30.0.99"}:9/`;

function refusalObjects(refusal: Refusal, group: string, resource: string): unknown[] {
  const metadata = { name: SOMEBODY };
  const rules = [{ apiGroups: [group], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: [resource] }];
  if (refusal === Refusal.No) {
    const spec = { matchConstraints: { resourceRules: rules }, validations: [{ expression: "false" }] };
    const bound = { policyName: SOMEBODY, validationActions: ["Deny"] };
    return [
      { apiVersion: API_VERSION, kind: policy, metadata, spec },
      { apiVersion: API_VERSION, kind: policyBinding, metadata, spec: bound },
    ];
  }
  const asked = {
    name: "somebody.example.com",
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    timeoutSeconds: 1,
    clientConfig: { url: webhookUrl(refusal) },
    failurePolicy: refusal === Refusal.Slow ? "Ignore" : "Fail",
    rules,
  };
  return [{ apiVersion: API_VERSION, kind: webhook, metadata, webhooks: [asked] }];
}

const writesRefused: Draw = (setting, random) => {
  const refusal = random.pick(Object.values(Refusal));
  const [group, resource] = random.pick(REFUSED);
  const list = { apiVersion: "v1", kind: "List", items: refusalObjects(refusal, group, resource) };
  return {
    what: `who must admit ${resource} ${refusal}`,
    on: "refusal",
    begin: () => setting.lab.kubectl(["apply", "-f", "-"], JSON.stringify(list)),
    end: () => setting.endRefusals(),
    longestSeconds: 15,
  };
};

export const API_FAULTS = { apiPaused, apiStutters, apiRestarted, writesRefused };
