// Stand-in for the Pulumi plugin `pulumi-resource-kubernetes`, for machines that do not have the real one: real API calls,
// and of the real plugin's behaviour what programs on plain objects can see.
// The engine starts it with its own address as the only argument and reads the port from the first line of output.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";

import { engineLog } from "./engine-log";
import { Provider } from "./provider";
import { service } from "./service";

/** Set when the plugin is bundled: the version of the SDK it stands in for. */
declare const STAND_IN_VERSION: string;

// States of large objects, all in one message, are larger than the default of 4 MB.
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const PARENT_CHECK_MS = 1000;

function main(): void {
  const engine = process.argv[2];
  if (engine === undefined) {
    console.error("pulumi-resource-kubernetes: the Pulumi engine starts this program with its address as the argument");
    process.exit(2);
  }
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  server.addService(ResourceProviderService, service(new Provider(engineLog(engine)), STAND_IN_VERSION));
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

main();
