// An interface that is taken down, or loses its address, and gets it back: the kernel forgets the routes by it, and whoever brings it
// back puts them there again.
import type { LabHost } from "../../lab/cluster/host";
import { type Fault, inside } from "./fault";

export interface Device {
  readonly node: LabHost;
  readonly device: string;
  /** How it is taken away and brought back, by `ip`. @default - down and up */
  readonly away?: string;
  readonly back?: string;
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
      const { node, device, away = `link set ${device} down`, back = `link set ${device} up` } = await find();
      const routes = routesToKeep(await inside(node, "ip", "-4", "route", "show", "table", "main", "dev", device));
      const lines = [back, ...routes.map((route) => `route replace ${route.trim()} dev ${device}`)];
      up = () => inside(node, "sh", "-ec", lines.map((line) => `ip ${line}`).join("\n"));
      await inside(node, "ip", ...away.split(" "));
    },
    end: () => up(),
  };
}
