// Labels, and the fingerprint that guards them.
import { object, text, type JsonObject } from "../json";
import type { Action, Site } from "../kind";
import { invalid, stale } from "../refusal";

const LABEL = /^[a-z][a-z0-9_-]{0,62}$/;
const VALUE = /^[a-z0-9_-]{0,63}$/;

export const withLabels = (body: JsonObject, at: Site): JsonObject => {
  checkLabels(object(body, "labels") ?? {});
  return { ...body, labelFingerprint: at.stamp };
};

function checkLabels(labels: JsonObject): void {
  for (const [label, value] of Object.entries(labels)) {
    if (!LABEL.test(label) || typeof value !== "string" || !VALUE.test(value)) {
      throw invalid("labels", `${label}=${String(value)}`, "Labels are of a-z, 0-9, - and _, at most 63 of them.");
    }
  }
}

export const setLabels: Action = (resource, body, at) => {
  if (text(body, "labelFingerprint") !== text(resource.body, "labelFingerprint")) throw stale("labelFingerprint");
  const labels = object(body, "labels") ?? {};
  checkLabels(labels);
  return [{ ...resource, body: { ...resource.body, labels, labelFingerprint: at.stamp } }];
};
