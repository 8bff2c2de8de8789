// GKE's kinds, filled in where the cluster lacks them. Only ever created: a definition that is there, GKE's own above
// all, is never changed.
import type { CustomResourceDefinition } from "../../../lib/crds/index";
import { apiVersionOf, RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import { type Clock, KubeError, type Kube, type Log } from "../kube/api";
import { errorText } from "../kube/log";

const { customResourceDefinitions, addressBindings } = RESOURCES;
const OWN = `${addressBindings.plural}.${addressBindings.group}`;
/** How often it is tried again, and how often it is seen whether somebody has deleted one. */
const AGAIN_MS = 5_000;

export interface InstallOptions {
  readonly kube: Kube;
  /** To create where the cluster lacks them. */
  readonly definitions: readonly CustomResourceDefinition[];
  readonly clock: Clock;
  readonly log: Log;
  /** Whether objects of this kind are being followed, so that it is there. */
  readonly isFollowed: (kind: string) => boolean;
}

export interface Installation {
  /** Why the definitions are not there yet; undefined once all of them have been. */
  readonly problem: string | undefined;
  stop(): void;
}

/**
 * Done by every replica, leading or not: it only ever creates what is missing, and without it none has copies. With podpin's own
 * definition the garbage collector deletes the others; when somebody has put that one back they are made again.
 */
export function keepInstalled({ kube, definitions, clock, log, isFollowed }: InstallOptions): Installation {
  let problem = definitions.length === 0 ? undefined : "GKE's definitions are not installed yet";
  let told: string | undefined;
  let cancel = (): void => undefined;
  let stopped = false;

  async function install(): Promise<void> {
    try {
      const there = await installMissing(kube, definitions, log);
      for (const name of problem === undefined ? [] : there) {
        log("info", "definition is there already and stays as it is", { name });
      }
      problem = told = undefined;
    } catch (error) {
      const text = errorText(error);
      if (problem !== undefined) problem = `GKE's definitions are not installed yet: ${text}`;
      if (text !== told) log("warn", "definitions could not be installed yet", { error: text });
      told = text;
    }
    lookAgain();
  }
  function lookAgain(): void {
    const look = (): void => {
      const complete = problem === undefined && definitions.every(({ spec }) => isFollowed(spec.names.kind));
      if (complete) lookAgain();
      else void install();
    };
    if (!stopped) cancel = clock.after(AGAIN_MS, look);
  }
  if (problem !== undefined) void install();

  return {
    get problem() {
      return problem;
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

/**
 * Creates the definitions that are missing; answers the names of those that are there. They belong to podpin's own definition of
 * AddressBinding, so that the garbage collector removes them when podpin is removed.
 *
 * @throws Error without that one, or while it is being deleted: nothing would remove them any more
 */
async function installMissing(
  kube: Kube,
  definitions: readonly CustomResourceDefinition[],
  log: Log,
): Promise<string[]> {
  const own = await kube.get<KubeObject>(customResourceDefinitions, { name: OWN });
  const there: string[] = [];
  for (const definition of definitions) {
    const { name } = definition.metadata;
    if ((await kube.get(customResourceDefinitions, { name })) !== undefined) {
      there.push(name);
      continue;
    }
    if (own?.metadata.uid === undefined || own.metadata.deletionTimestamp !== undefined) {
      throw new Error(`${name} waits for the definition ${OWN}: apply the objects of PersistentIpController`);
    }
    const { kind } = customResourceDefinitions;
    const owner = { apiVersion: apiVersionOf(customResourceDefinitions), kind, name: OWN, uid: own.metadata.uid };
    try {
      await kube.create(customResourceDefinitions, {
        ...definition,
        metadata: { ...definition.metadata, ownerReferences: [owner] },
      });
      log("info", "definition was missing and is installed", { name });
    } catch (error) {
      // Somebody was faster: then it is there, which is all that is wanted.
      if (!(error instanceof KubeError && error.status === 409)) throw error;
    }
  }
  return there;
}
