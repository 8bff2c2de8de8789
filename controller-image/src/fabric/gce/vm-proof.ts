// What Compute Engine itself says of a machine: the only proof that nothing runs there any more.
import type { CloudNode, MachineState } from "../cloud";
import type { Compute, Instance } from "./compute";

/** Only a person or a program can bring these back; while it is STOPPING, a machine may still be running. */
const GONE: ReadonlySet<string> = new Set(["TERMINATED", "STOPPED", "SUSPENDED"]);

type Asked = Pick<Compute, "project" | "get">;

/**
 * Rejects when there is no answer.
 *
 * @param witness a machine that is there: that another is not counts only where the same question finds this one
 */
export async function vmState(compute: Asked, machine: CloudNode, witness: CloudNode): Promise<MachineState> {
  if (machine.project !== compute.project || witness.project !== compute.project) return "unknown";
  const found = await instanceOf(compute, machine);
  if (found === undefined) return (await instanceOf(compute, witness))?.status === "RUNNING" ? "gone" : "unknown";
  const { status = "" } = found;
  if (GONE.has(status)) return "gone";
  return status === "RUNNING" ? "running" : "unknown";
}

function instanceOf(compute: Asked, { zone, instance }: CloudNode): Promise<Instance | undefined> {
  return compute.get(`zones/${zone}`, "instances", instance, { urgent: true });
}
