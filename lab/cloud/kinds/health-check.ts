// Regional health checks. Nobody is probed: nothing that the stand-in delivers depends on health.
import { merged, object, text, type JsonObject } from "../json";
import { mustStay, type Kind } from "../kind";
import { invalid, required } from "../refusal";
import type { Resource } from "../state";

const PROTOCOLS: Readonly<Record<string, string>> = {
  GRPC: "grpcHealthCheck",
  HTTP: "httpHealthCheck",
  HTTP2: "http2HealthCheck",
  HTTPS: "httpsHealthCheck",
  SSL: "sslHealthCheck",
  TCP: "tcpHealthCheck",
};

export const healthCheck: Kind = {
  collection: "healthChecks",
  message: "HealthCheck",
  scope: "regions",
  insert: (body) => ({ body: checked(body) }),
  actions: {
    patch: (resource, body) => changed(resource, merged(resource.body, body)),
    update(resource, body) {
      const kept = ["id", "kind", "creationTimestamp", "selfLink", "region"];
      const server = Object.fromEntries(kept.map((field) => [field, resource.body[field]]));
      return changed(resource, { name: resource.body["name"], ...body, ...server });
    },
  },
};

function changed(resource: Resource, after: JsonObject): readonly Resource[] {
  mustStay(resource.body, after, ["name"], "It cannot be changed.");
  return [{ ...resource, body: checked(after) }];
}

function checked(body: JsonObject): JsonObject {
  const type = text(body, "type");
  if (type === "") throw required("resource.type");
  const given = Object.values(PROTOCOLS).filter((field) => object(body, field) !== undefined);
  const own = PROTOCOLS[type];
  if (own === undefined || given.some((field) => field !== own)) {
    throw invalid("resource.type", type, `It does not fit ${given.join(", ") || "any check"}.`);
  }
  const timing = { checkIntervalSec: 5, timeoutSec: 5, healthyThreshold: 2, unhealthyThreshold: 2 };
  return { ...timing, logConfig: { enable: false }, ...body };
}
