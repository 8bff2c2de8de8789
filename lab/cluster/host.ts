// A machine on the lab's segment, as the tests use it.
import type { ChildProcess } from "node:child_process";

import { type Finished, type RunOptions, type Surroundings, inNamespace, run, start, tied } from "./process";

export interface LabHost {
  /** Name of its network namespace, as `ip netns` lists it. */
  readonly namespace: string;
  readonly address: string;
  /** Runs a command in its network namespace, with the machine's own files. */
  exec(command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Starts a command in its network namespace, with pipes. It ends with the lab at the latest. */
  spawn(command: readonly string[], options?: Surroundings): ChildProcess;
}

export class NamespaceHost implements LabHost {
  constructor(
    readonly namespace: string,
    readonly address: string,
  ) {}

  exec(command: readonly string[], options?: RunOptions): Promise<Finished> {
    return run(inNamespace(this.namespace, command), options);
  }

  spawn(command: readonly string[], options: Surroundings = {}): ChildProcess {
    const stdio = ["pipe", "pipe", "pipe"] as ["pipe", "pipe", "pipe"];
    return start(tied(inNamespace(this.namespace, command)), { ...options, detached: true, stdio });
  }
}
