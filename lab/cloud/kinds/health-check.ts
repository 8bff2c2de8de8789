// Regional health checks. Nobody is probed: nothing that the stand-in delivers depends on health.
import { merged, object, text } from "../json";
import { mustStay, type Kind } from "../kind";
import { invalid, required } from "../refusal";

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
  insert(body) {
    const type = text(body, "type");
    if (type === "") throw required("resource.type");
    const given = Object.values(PROTOCOLS).filter((field) => object(body, field) !== undefined);
    const own = PROTOCOLS[type];
    if (own === undefined || given.some((field) => field !== own)) {
      throw invalid("resource.type", type, `It does not fit ${given.join(", ") || "any check"}.`);
    }
    const timing = { checkIntervalSec: 5, timeoutSec: 5, healthyThreshold: 2, unhealthyThreshold: 2 };
    return { body: { ...timing, logConfig: { enable: false }, ...body } };
  },
  actions: {
    patch(resource, body) {
      const after = merged(resource.body, body);
      mustStay(resource.body, after, ["name"], "It cannot be changed.");
      return [{ ...resource, body: after }];
    },
  },
};
