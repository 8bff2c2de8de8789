// The process of a plugin: the engine starts it with its own address as the only argument and reads the port from the
// first line of output.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";

import { engineLog, type ResourceLog } from "./engine-log";
import type { PluginProvider } from "./provider";
import { service } from "./service";

// States of large objects, all in one message, are larger than the default of 4 MB.
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const PARENT_CHECK_MS = 1000;

/**
 * @param name for example `pulumi-resource-gcp`
 * @param version of the SDK that it stands in for
 * @param make gets where a resource's messages go, by its URN
 */
export function serve(
  name: string,
  version: string,
  make: (logFor: (urn: string) => ResourceLog) => PluginProvider,
): void {
  const engine = process.argv[2];
  if (engine === undefined) {
    console.error(`${name}: the Pulumi engine starts this program with its address as the argument`);
    process.exit(2);
  }
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  server.addService(ResourceProviderService, service(make(engineLog(engine)), version));
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
  // The engine stops its plugins; if it was killed itself, nobody would.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, PARENT_CHECK_MS).unref();
}
