// What the cloud has besides Compute: a file with every resource in it. Several engines may use it at the same time, each through a process of its own.
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import type { JsonObject } from "../plugin/values";

/** The variable that names the file. */
export const GCP_STATE = "PODPIN_GCP_STATE";

export interface Resource {
  /** Pulumi's type token. */
  readonly type: string;
  /** As the API names it, for example `projects/p/regions/r/addresses/n`; unique in the cloud. */
  readonly id: string;
  /** What the program asked for. */
  readonly inputs: JsonObject;
  /** That and everything that the cloud has decided. */
  readonly outputs: JsonObject;
}

export type Resources = ReadonlyMap<string, Resource>;

const RETRY_MS = 10;
/** Nobody holds the lock for as long as this: whoever has it is dead. */
const STALE_MS = 10_000;

export class Cloud {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Every resource, by ID. */
  async resources(): Promise<Resources> {
    const text = await readFile(this.#file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "[]";
      throw error;
    });
    return new Map((JSON.parse(text) as Resource[]).map((resource) => [resource.id, resource]));
  }

  /** Changes what is there; nobody else reads or changes it meanwhile, and nothing is written if `edit` throws. */
  async change<T>(edit: (resources: Map<string, Resource>) => T): Promise<T> {
    const unlock = await this.#lock();
    try {
      const resources = new Map(await this.resources());
      const result = edit(resources);
      const draft = `${this.#file}.new`;
      await writeFile(draft, JSON.stringify([...resources.values()], undefined, 1));
      await rename(draft, this.#file);
      return result;
    } finally {
      await unlock();
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.#file}.lock`;
    await mkdir(dirname(path), { recursive: true });
    for (;;) {
      try {
        await (await open(path, "wx")).close();
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const held = await stat(path).catch(() => undefined);
      if (held !== undefined && Date.now() - held.mtimeMs > STALE_MS) await rm(path, { force: true });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
