// What a lab has made, on disk, written before it is made: so that whoever comes next can remove what a killed run left.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Mount } from "./mountinfo";
import { type ProcessId, identify, isAlive, pidNamespace } from "./proc";

export interface LabRecord {
  readonly id: string;
  /** The process that answers for the lab. When it is gone, so should the lab be. */
  readonly owner: ProcessId & { readonly pidNamespace: string };
  readonly folders: readonly string[];
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
  /** Version-2 controllers that were switched on at the root for this lab. */
  readonly enabledControllers: readonly string[];
  /** Services; what else runs in the lab's namespaces is found there. */
  readonly processes: readonly ProcessId[];
  /** `ip netns add` makes /run/netns a mount of its own; the last of the labs that caused it takes it back. */
  readonly madeNamespaceFolder: boolean;
}

/** /run is emptied at boot, as are the things recorded. Without root only a control plane on loopback can be started. */
function ledgerFolder(): string {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? "/run/podpin-lab" : join(tmpdir(), `podpin-lab-${uid}`);
}

export function newRecord(id: string, fields: Partial<LabRecord> = {}): LabRecord {
  const self = identify(process.pid);
  if (!self) throw new Error("the lab needs /proc; it runs on Linux only");
  return {
    id,
    owner: { ...self, pidNamespace: pidNamespace() },
    folders: [],
    namespaces: [],
    cgroups: [],
    enabledControllers: [],
    processes: [],
    madeNamespaceFolder: false,
    ...fields,
  };
}

/** One lab's record, kept on disk in step with every change. */
export class Ledger {
  constructor(
    private current: LabRecord,
    private readonly folder: string = ledgerFolder(),
  ) {
    this.write();
  }

  get record(): LabRecord {
    return this.current;
  }

  note(change: (record: LabRecord) => Partial<LabRecord>): void {
    this.current = { ...this.current, ...change(this.current) };
    this.write();
  }

  private write(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const path = recordPath(this.current.id, this.folder);
    // By rename, so that a reader never sees half a record.
    const fresh = `${path}.${process.pid}.new`;
    writeFileSync(fresh, JSON.stringify(this.current), { mode: 0o600 });
    renameSync(fresh, path);
  }
}

export const recordPath = (id: string, folder: string = ledgerFolder()): string => join(folder, `${id}.json`);

export function readRecords(folder: string = ledgerFolder()): LabRecord[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!name.endsWith(".json")) return [];
    try {
      return [JSON.parse(readFileSync(join(folder, name), "utf8")) as LabRecord];
    } catch {
      return []; // removed meanwhile by its owner
    }
  });
}

/** True when the owner is surely gone. A process of another PID namespace cannot be looked up and is left alone. */
export function isOrphan(record: LabRecord): boolean {
  return record.owner.pidNamespace === pidNamespace() && !isAlive(record.owner);
}

/** True for the lab that makes /run/netns a mount, and for those that come while such a lab is there. */
export function makesNamespaceFolder(mounts: readonly Mount[], others: readonly LabRecord[]): boolean {
  return !mounts.some((mount) => mount.mountPoint === "/run/netns") || others.some((lab) => lab.madeNamespaceFolder);
}

export function dropRecord(id: string, folder: string = ledgerFolder()): void {
  rmSync(recordPath(id, folder), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // other labs are recorded there
  }
}
