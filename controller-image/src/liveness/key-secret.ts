// The keys as the controller has them: a Secret that the leading replica makes and renews. A new key is first only
// understood, and used once every kubelet has had time to bring it to its agent; so no two ever fail to understand each other.
import { randomBytes } from "node:crypto";
import { HEARTBEAT_KEYS, HeartbeatKey } from "../../../lib/model/runtime";
import { labelsOf } from "../../../lib/model/manifest";
import { apiVersionOf, type KubeObject, RESOURCES } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube, type Log } from "../kube/api";
import { KEY_BYTES, keyOf, type Key, type Keys } from "./seal";

export interface KeySecretOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly isLeading: () => boolean;
  /** @default - the system's own */
  readonly newKey?: () => Buffer;
}

export interface KeySecret {
  /** Undefined while there are none. */
  keys(): Keys | undefined;
  stop(): void;
}

interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** On the Secret: whether its other key is the coming one or the former one. */
const ANNOTATION_OTHER_KEY = "podpin.dev/other-key";
/** On the Secret: when it was last changed. */
const ANNOTATION_CHANGED_AT = "podpin.dev/changed-at";
const COMING = "coming";
const FORMER = "former";

/** How long a key is used. */
export const ROTATE_MS = 24 * 3_600_000;
/**
 * How long a coming key is only understood. A kubelet brings a changed Secret within its sync period and the time of its
 * cache, a minute or two together; agents look every 2 s.
 */
export const INTRODUCE_MS = 15 * 60_000;
const LOOK_EVERY_MS = 5_000;

export function keySecret(options: KeySecretOptions): KeySecret {
  const { kube, clock, log, namespace, isLeading, newKey = () => randomBytes(KEY_BYTES) } = options;
  let keys: Keys | undefined;
  /** The version of the Secret, and since when this replica has seen it: no clock but its own says when the next step is due. */
  let seen: { readonly version: string | undefined; readonly at: number } = { version: undefined, at: clock.now() };
  let writing = false;
  let cancel = (): void => undefined;

  const reflector = kube.reflect<Secret>({
    resource: RESOURCES.secrets,
    namespace,
    fieldSelector: `metadata.name=${HEARTBEAT_KEYS}`,
    onChange: () => look(),
    onSynced: () => look(),
  });

  function current(): Secret | undefined {
    return reflector.get(`${namespace}/${HEARTBEAT_KEYS}`);
  }

  function look(): void {
    const secret = current();
    const version = secret?.metadata.resourceVersion;
    if (version !== seen.version) seen = { version, at: clock.now() };
    const found = secret && keysOf(secret);
    if (found !== undefined) keys = found;
    if (reflector.synced && isLeading() && !writing) void write(secret);
  }

  async function write(secret: Secret | undefined): Promise<void> {
    const next = nextStep(secret);
    if (next === undefined) return;
    writing = true;
    try {
      if (secret === undefined) await kube.create<Secret>(RESOURCES.secrets, next.secret);
      else await kube.replace<Secret>(RESOURCES.secrets, next.secret);
      log("info", next.why);
    } catch (error) {
      // Another replica was faster: the watch brings what it wrote.
      const late = error instanceof KubeError && error.status === 409;
      if (!late) log("warn", "the heartbeat keys could not be written; it is tried again", { error });
    } finally {
      writing = false;
    }
  }

  function nextStep(secret: Secret | undefined): { readonly secret: Secret; readonly why: string } | undefined {
    const found = secret && keysOf(secret);
    if (found === undefined) {
      // The one in memory first: agents may still have it, and nobody falls silent.
      const { present = made(), other } = keys ?? {};
      return { secret: filled(secret, present, other, FORMER), why: "made the heartbeat keys" };
    }
    // After every step, or agents that still have the step before would meet those that have the step after.
    if (clock.now() - seen.at < INTRODUCE_MS) return undefined;
    const { annotations } = secret?.metadata ?? {};
    if (annotations?.[ANNOTATION_OTHER_KEY] === COMING && found.other !== undefined) {
      return {
        secret: filled(secret, found.other, found.present, FORMER),
        why: "the coming heartbeat key is used now",
      };
    }
    // Wall clocks may be wrong by days: then a key is changed too early or too late, and nothing else happens.
    const changedAt = Date.parse(annotations?.[ANNOTATION_CHANGED_AT] ?? "") || 0;
    if (Math.abs(clock.wallTime() - changedAt) < ROTATE_MS) return undefined;
    return {
      secret: filled(secret, found.present, made(), COMING),
      why: "a new heartbeat key is understood from now on",
    };
  }

  function made(): Key {
    const key = keyOf(newKey());
    if (key === undefined) throw new Error(`a key has ${KEY_BYTES} bytes`);
    return key;
  }

  function filled(secret: Secret | undefined, present: Key, other: Key | undefined, what: string): Secret {
    const { metadata = { name: HEARTBEAT_KEYS, namespace, labels: labelsOf("controller") } } = secret ?? {};
    return {
      apiVersion: apiVersionOf(RESOURCES.secrets),
      kind: RESOURCES.secrets.kind,
      metadata: {
        ...metadata,
        annotations: {
          ...metadata.annotations,
          [ANNOTATION_OTHER_KEY]: what,
          [ANNOTATION_CHANGED_AT]: new Date(clock.wallTime()).toISOString(),
        },
      },
      type: secret?.type ?? "Opaque",
      data: {
        [HeartbeatKey.Present]: present.secret.toString("base64"),
        ...(other === undefined ? {} : { [HeartbeatKey.Other]: other.secret.toString("base64") }),
      },
    };
  }

  const again = (): void => {
    look();
    cancel = clock.after(LOOK_EVERY_MS, again);
  };
  cancel = clock.after(LOOK_EVERY_MS, again);

  return {
    keys: () => keys,
    stop: () => {
      cancel();
      reflector.stop();
    },
  };
}

function keysOf({ data }: Secret): Keys | undefined {
  const read = (name: string): Key | undefined => {
    const text = data?.[name];
    return text === undefined ? undefined : keyOf(Buffer.from(text, "base64"));
  };
  const present = read(HeartbeatKey.Present);
  return present === undefined ? undefined : { present, other: read(HeartbeatKey.Other) };
}
