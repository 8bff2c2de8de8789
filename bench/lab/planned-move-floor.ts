// On the node that gets the address in the floor of a planned move: waits for the write and changes one route.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createKube } from "../../controller-image/src/kube/kube";
import { systemClock } from "../../controller-image/src/kube/clock";
import { kubeconfigOf } from "../../controller-image/src/kube/kubeconfig";
import { type KubeObject, RESOURCES } from "../../lib/model/kubernetes";
import { now, say } from "./child";

export interface FloorSettings {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly floor: string;
  /** What the node runs for it. */
  readonly command: readonly string[];
}

interface FloorMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

function main({ kubeconfig, namespace, floor, command }: FloorSettings): void {
  const config = kubeconfigOf(JSON.parse(readFileSync(kubeconfig, "utf8")));
  const kube = createKube({ config, clock: systemClock, log: () => undefined, userAgent: "podpin-bench/0" });
  const [program = "", ...args] = command;
  kube.reflect<FloorMap>({
    resource: RESOURCES.configMaps,
    namespace,
    fieldSelector: `metadata.name=${floor}`,
    onSynced: () => say({ ready: true }),
    onChange: (change) => {
      const { data } = change.type === "set" ? change.object : {};
      const move = data?.["move"];
      if (move === undefined || data?.["done"] === move) return;
      spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] }).once("close", (code) => {
        say({ ended: now(), code });
        void kube.mergePatch(RESOURCES.configMaps, { namespace, name: floor }, { data: { done: move } });
      });
    },
  });
}

main(JSON.parse(process.argv[2] ?? "{}") as FloorSettings);
