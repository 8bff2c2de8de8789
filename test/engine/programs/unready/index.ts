// Declares routes and deploys them with the engine's automation interface, which runs the program in this very process: what
// the program asks of the engine goes there directly, and not by way of a language host.
//
// Arguments: `up` or `destroy`, which route is awaited, how long, how many things the engine does at a time.
import * as pulumi from "@pulumi/pulumi";
import { type EngineEvent, LocalWorkspace } from "@pulumi/pulumi/automation";
import { PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";

const [command = "up", awaited = "both", seconds = "4", parallel = "16"] = process.argv.slice(2);

/** Stands for a PersistentIpController, of which a pool only asks whether there is one, and what it may do in Pods. */
class Controller extends pulumi.ComponentResource {
  readonly interfaceDelivery = false;

  constructor(name: string) {
    super("test:index:Controller", name, {}, {});
    this.registerOutputs({});
  }
}

async function program(): Promise<void> {
  const waiting = (name: string): object => ({
    waitUntilReady: awaited === "both" || awaited === name,
    readyTimeoutSeconds: Number(seconds),
  });
  const podSelector = { component: "proxy" };
  const gke = PersistentIpPool.fromAddresses("gke", { addresses: ["198.51.100.7"] });
  new PinnedPodRoute("served-by-gke", { pool: gke, podSelector, ...waiting("served-by-gke") });
  const controller = new Controller("podpin") as never;
  const own = PersistentIpPool.fromAddresses("own", { addresses: ["198.51.100.8"], controller });
  new PinnedPodRoute("served-by-podpin", { pool: own, podSelector, ...waiting("served-by-podpin") });
}

async function main(): Promise<void> {
  const stack = await LocalWorkspace.createOrSelectStack({ stackName: "dev", projectName: "unready", program });
  const events: EngineEvent[] = [];
  const onEvent = (event: EngineEvent): unknown => events.push(event);
  const failure = await (
    command === "destroy" ? stack.destroy({ onEvent }) : stack.up({ onEvent, parallel: Number(parallel) })
  ).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const { deployment } = await stack.exportStack();
  const diagnostics = events.flatMap(({ diagnosticEvent: event }) =>
    event === undefined || event.ephemeral === true ? [] : [event],
  );
  const counts = events.flatMap(({ summaryEvent }) => summaryEvent?.resourceChanges ?? []).at(-1);
  const urns = ((deployment as { resources?: { urn: string }[] }).resources ?? []).map(({ urn }) => urn);
  const told = diagnostics.map(({ severity, urn, message }) => ({ severity, urn, message: message.trim() }));
  process.stdout.write(JSON.stringify({ ok: failure === undefined, failure, diagnostics: told, counts, urns }));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exit(1);
  },
);
