// The engine's log: messages appear next to the resource that they are about.
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

/** Messages about one resource. */
export interface ResourceLog {
  /** A line that the next one replaces. */
  status(text: string): void;
  warn(text: string): void;
}

export function engineLog(address: string): (urn: string) => ResourceLog {
  const client = new EngineClient(address, credentials.createInsecure());
  const send = (urn: string, severity: LogSeverity, message: string, ephemeral: boolean): void => {
    const request = new LogRequest().setUrn(urn).setSeverity(severity).setMessage(message).setEphemeral(ephemeral);
    // A message that does not arrive must not fail the deployment that it is about.
    client.log(request, () => undefined);
  };
  return (urn) => ({
    status: (text) => send(urn, LogSeverity.INFO, text, true),
    warn: (text) => send(urn, LogSeverity.WARNING, text, false),
  });
}
