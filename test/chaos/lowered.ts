// An interface that is taken down and up again: the kernel forgets the routes by it, and whoever takes it up puts them back.
import type { LabHost } from "../../lab/cluster/host";
import { type Fault, inside } from "./fault";

export interface Device {
  readonly node: LabHost;
  readonly device: string;
}

/** Of the main table, which is nobody's of podpin; what the kernel makes by itself comes by itself. */
export function routesToKeep(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "" && !line.includes("proto kernel"));
}

/** @param find asked when it begins */
export function lowered(find: () => Promise<Device>): Required<Pick<Fault, "begin" | "end">> {
  let up = (): Promise<unknown> => Promise.resolve();
  return {
    begin: async () => {
      const { node, device } = await find();
      const routes = routesToKeep(await inside(node, "ip", "-4", "route", "show", "table", "main", "dev", device));
      const lines = [`link set ${device} up`, ...routes.map((route) => `route replace ${route.trim()} dev ${device}`)];
      up = () => inside(node, "sh", "-ec", lines.map((line) => `ip ${line}`).join("\n"));
      await inside(node, "ip", "link", "set", device, "down");
    },
    end: () => up(),
  };
}
