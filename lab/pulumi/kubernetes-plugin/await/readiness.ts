// When a built-in object counts as up. Pure: a look at the object as it is now.
import { gvkOf, nameOf } from "../object";
import { at, isObject, numberAt, textAt, type Json, type JsonObject } from "../values";

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, in words. */
  readonly reasons: readonly string[];
  /** It will not come right by waiting. */
  readonly failed?: boolean;
}

export const READY: Readiness = { ready: true, reasons: [] };

type Rule = (object: JsonObject) => Readiness;

const RULES: Readonly<Record<string, Rule>> = {
  "apps/Deployment": deployment,
  "apps/StatefulSet": statefulSet,
  "apps/DaemonSet": daemonSet,
  "batch/Job": job,
  "/Pod": pod,
  "apiextensions.k8s.io/CustomResourceDefinition": customResourceDefinition,
};

/** The rule for a kind; undefined for kinds that are up as soon as they exist. */
export function readinessRule(object: JsonObject): Rule | undefined {
  const { group, kind } = gvkOf(object);
  return RULES[`${group}/${kind}`];
}

/** A Service has nothing to wait for if no endpoints will ever belong to it, or none need to. */
export function serviceHasEndpoints(service: JsonObject): boolean {
  const selector = at(service, "spec", "selector");
  const hasSelector = isObject(selector) && Object.keys(selector).length > 0;
  const headless = textAt(service, "spec", "clusterIP") === "None";
  return hasSelector && !headless && textAt(service, "spec", "type") !== "ExternalName";
}

/** @param slices the EndpointSlices of the Service */
export function service(object: JsonObject, slices: readonly Json[]): Readiness {
  const reasons: string[] = [];
  if (serviceHasEndpoints(object)) {
    const endpoints = slices.flatMap((slice) => (at(slice, "endpoints") as Json[] | undefined) ?? []);
    const ready = endpoints.filter((endpoint) => at(endpoint, "conditions", "ready") !== false);
    if (ready.length === 0) {
      reasons.push(`Service "${nameOf(object)}" has no ready Pod behind it (${endpoints.length} not ready)`);
    }
  }
  if (textAt(object, "spec", "type") === "LoadBalancer") {
    const ingress = at(object, "status", "loadBalancer", "ingress");
    if (!Array.isArray(ingress) || ingress.length === 0) {
      reasons.push(`Service "${nameOf(object)}" has no load balancer address yet`);
    }
  }
  return reasons.length === 0 ? READY : { ready: false, reasons };
}

function observed(object: JsonObject): boolean {
  return (numberAt(object, "status", "observedGeneration") ?? 0) >= (numberAt(object, "metadata", "generation") ?? 0);
}

const status = (object: JsonObject, field: string): number => numberAt(object, "status", field) ?? 0;

function missing(object: JsonObject, reasons: readonly string[]): Readiness {
  const called = `${textAt(object, "kind")} "${nameOf(object)}"`;
  return reasons.length === 0 ? READY : { ready: false, reasons: reasons.map((reason) => `${called}: ${reason}`) };
}

function deployment(object: JsonObject): Readiness {
  if (!observed(object)) return missing(object, ["its controller has not seen this generation yet"]);
  const progressing = condition(object, "Progressing");
  const reasons: string[] = [];
  const wanted = numberAt(object, "spec", "replicas") ?? 1;
  const updated = status(object, "updatedReplicas");
  const available = status(object, "availableReplicas");
  if (updated < wanted) reasons.push(`${updated} of ${wanted} replicas have the new template`);
  const old = status(object, "replicas") - updated;
  if (old > 0) reasons.push(`${old} old replicas are still there`);
  if (available < Math.max(updated, wanted)) reasons.push(`${available} of ${wanted} replicas are available`);
  const failed = textAt(progressing, "reason") === "ProgressDeadlineExceeded" && reasons.length > 0;
  if (failed) reasons.push(textAt(progressing, "message"));
  return { ...missing(object, reasons), failed };
}

function statefulSet(object: JsonObject): Readiness {
  if (!observed(object)) return missing(object, ["its controller has not seen this generation yet"]);
  const wanted = numberAt(object, "spec", "replicas") ?? 1;
  const ready = status(object, "readyReplicas");
  const reasons: string[] = [];
  if (ready < wanted) reasons.push(`${ready} of ${wanted} replicas are ready`);
  if (textAt(object, "spec", "updateStrategy", "type") !== "OnDelete") {
    const partition = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
    const toUpdate = Math.max(0, wanted - partition);
    // Once every replica is updated, the status counts them as current and leaves `updatedReplicas` at 0.
    const complete = textAt(object, "status", "currentRevision") === textAt(object, "status", "updateRevision");
    const updated = complete ? wanted : status(object, "updatedReplicas");
    if (updated < toUpdate) reasons.push(`${updated} of ${toUpdate} replicas have the new template`);
  }
  return missing(object, reasons);
}

function daemonSet(object: JsonObject): Readiness {
  if (!observed(object)) return missing(object, ["its controller has not seen this generation yet"]);
  const wanted = status(object, "desiredNumberScheduled");
  const reasons: string[] = [];
  if (textAt(object, "spec", "updateStrategy", "type") !== "OnDelete") {
    const updated = status(object, "updatedNumberScheduled");
    if (updated < wanted) reasons.push(`${updated} of ${wanted} Pods have the new template`);
  }
  const available = status(object, "numberAvailable");
  if (available < wanted) reasons.push(`${available} of ${wanted} Pods are available`);
  return missing(object, reasons);
}

function job(object: JsonObject): Readiness {
  const failure = condition(object, "Failed");
  if (textAt(failure, "status") === "True") {
    return { ...missing(object, [`${textAt(failure, "reason")}: ${textAt(failure, "message")}`]), failed: true };
  }
  if (textAt(condition(object, "Complete"), "status") === "True") return READY;
  return missing(object, [
    `${status(object, "succeeded")} Pods have succeeded, ${status(object, "active")} are active`,
  ]);
}

function pod(object: JsonObject): Readiness {
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded" || textAt(condition(object, "Ready"), "status") === "True") return READY;
  const containers = at(object, "status", "containerStatuses");
  const waiting = (Array.isArray(containers) ? containers : [])
    .filter((container) => textAt(container, "state", "waiting", "reason") !== "")
    .map((container) => {
      const { reason, message } = waitingOf(container);
      return `container "${textAt(container, "name")}" waits: ${reason}${message === "" ? "" : `: ${message}`}`;
    });
  const scheduled = condition(object, "PodScheduled");
  if (textAt(scheduled, "status") === "False") waiting.push(`not scheduled: ${textAt(scheduled, "message")}`);
  const reasons = waiting.length > 0 ? waiting : [`phase ${phase || "Pending"}, not Ready`];
  return { ...missing(object, reasons), failed: phase === "Failed" };
}

function waitingOf(container: Json): { reason: string; message: string } {
  return {
    reason: textAt(container, "state", "waiting", "reason"),
    message: textAt(container, "state", "waiting", "message"),
  };
}

function customResourceDefinition(object: JsonObject): Readiness {
  const names = condition(object, "NamesAccepted");
  if (textAt(names, "status") === "False") {
    return { ...missing(object, [`its names are refused: ${textAt(names, "message")}`]), failed: true };
  }
  if (textAt(condition(object, "Established"), "status") === "True") return READY;
  return missing(object, ["not Established yet"]);
}

function condition(object: JsonObject, type: string): Json | undefined {
  const conditions = at(object, "status", "conditions");
  return Array.isArray(conditions) ? conditions.find((item) => textAt(item, "type") === type) : undefined;
}
