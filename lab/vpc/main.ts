// The cloud of a lab, as a process in the network namespace of the lab's router: the stand-ins for Compute and for the metadata
// server, and the router that sends packets where Compute's objects say. Its one argument is VpcSettings; on its first line it
// says that it serves.
import { systemClock } from "../../controller-image/src/kube/clock";
import { ComputeCloud, type Delivered, MetadataServer, serveCompute } from "../cloud";
import { Router } from "./router";
import type { VpcSettings } from "./settings";

async function main(settings: VpcSettings): Promise<void> {
  const { project, region, externalRange, subnetwork, operationMs } = settings;
  const cloud = new ComputeCloud({
    clock: systemClock,
    projects: [project],
    regions: { [region]: ["a", "b", "c"] },
    operation: operationMs,
    externalRange,
  });
  const { name, cidr } = subnetwork;
  cloud.make(`regions/${region}`, "subnetworks", { name, network: "global/networks/default", ipCidrRange: cidr });

  const router = new Router({ device: settings.device, table: settings.table });
  const interfaceOf = ({ zone, instance, nic }: Delivered): string | undefined => {
    const nics = cloud.state.get(`projects/${project}/zones/${zone}/instances/${instance}`)?.body["networkInterfaces"];
    const found = (nics as readonly { readonly name: string; readonly networkIP: string }[] | undefined)?.find(
      (one) => one.name === nic,
    );
    return found?.networkIP;
  };
  cloud.delivery.onChange((address, delivered) => {
    router.lead(address, delivered === undefined ? undefined : interfaceOf(delivered));
  });

  const metadata = new MetadataServer(cloud, systemClock, { project });
  // Where VMs ask for their metadata, and where this lab's API is.
  const servers = await Promise.all([
    serveCompute(cloud, { host: settings.metadataAddress, port: 80, metadata }),
    serveCompute(cloud, { host: settings.address, port: settings.port, metadata }),
    serveCompute(cloud, { path: settings.socket, metadata }),
  ]);
  process.stdout.write("ready\n");
  // Whoever started it ends it by closing its input, and hears then of mistakes of the stand-ins.
  process.stdin.resume().once("end", () => {
    const mistakes = servers.flatMap((server) => server.mistakes);
    for (const mistake of mistakes) process.stderr.write(`${mistake.stack ?? mistake.message}\n`);
    process.exit(mistakes.length === 0 ? 0 : 1);
  });
}

main(JSON.parse(process.argv[2] ?? "{}") as VpcSettings).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
