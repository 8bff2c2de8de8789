// Writes this node's entries into the bindings' status, each only when it says something new, and until it is accepted.
import { type AddressBinding, ackOf, type BindingAck } from "../../../lib/model/binding";
import { apiVersionOf, RESOURCES } from "../../../lib/model/kubernetes";
import { type Clock, type Kube, KubeError, type Log } from "../kube/api";
import { Backoff, longestMs } from "../kube/backoff";
import { versionOf } from "./reading";

export interface AckWriter {
  /**
   * @param ack what this node has to say about the binding; `withdrawn` takes the entry away
   * @param options.onlyAsSeen it is said of this very version, and not at all where there is another one by now
   */
  say(binding: AddressBinding, ack: BindingAck | "withdrawn", options?: { readonly onlyAsSeen?: boolean }): void;
  /** An acknowledgement came back; answers whether it is what this node says, and so no news. */
  heard(binding: AddressBinding, ack: BindingAck): boolean;
  /** What is still being tried of bindings that this node has nothing to say of must not arrive late, and what has must not stay. */
  settle(standing: (address: string) => Standing): void;
  stop(): void;
}

/**
 * What becomes of what was said of a binding: `concerned`, there is or soon will be something to say; `named`, nothing just now,
 * although it names this node; `left`, nothing any more; `gone`, there is no such binding.
 */
export type Standing = "concerned" | "named" | "left" | "gone";

interface Pending {
  readonly name: string;
  readonly uid: string | undefined;
  wanted: BindingAck | "withdrawn";
  /** The version that it is said of, where it is said of no other. */
  version?: string;
  /** What was written last and when; the cache shows it some milliseconds later. */
  written?: { readonly text: string; readonly at: number };
  busy: boolean;
  /** What came back last, in which version and when; that may be before the answer to its writing. */
  back?: { readonly text: string; readonly version: number; readonly at: number };
  /** Ends the wait before the next attempt. */
  wake?: () => void;
}

/** After this time the cache is right, not the memory of the last write. */
const TRUST_WRITE_MS = 5000;

export function ackWriter(kube: Kube, clock: Clock, log: Log, nodeName: string): AckWriter {
  const pending = new Map<string, Pending>();
  const cancels = new Set<() => void>();
  let stopped = false;

  const write = async (entry: Pending): Promise<void> => {
    const { name, uid } = entry;
    const backoff = new Backoff(clock, { firstMs: 200, maxMs: 30_000 });
    entry.busy = true;
    for (;;) {
      const text = sentence(entry.wanted);
      const { version } = entry;
      const began = clock.now();
      try {
        const body = statusOf({ name, uid, resourceVersion: version }, entry.wanted);
        await kube.apply(RESOURCES.addressBindings, body, `podpin-agent-${nodeName}`, "status");
        const isBack = entry.back !== undefined && entry.back.at >= began;
        entry.written = isBack ? undefined : { text, at: clock.now() };
      } catch (error) {
        if (stopped) return;
        // Deleted meanwhile: there is nobody to tell.
        const outdated = version !== undefined && error instanceof KubeError && error.status === 409;
        if (isGone(error) || outdated) return void pending.delete(uid ?? name);
        log("warn", "an acknowledgement was not accepted; it is tried again", { address: name, error });
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            cancel();
            cancels.delete(cancel);
            resolve();
          };
          const cancel = clock.after(longestMs(error, backoff.nextMs()), wake);
          cancels.add(cancel);
          entry.wake = wake;
        });
        entry.wake = undefined;
        continue;
      }
      if (sentence(entry.wanted) === text) break;
      if (stopped) return;
    }
    entry.busy = false;
  };

  return {
    say: (binding, ack, { onlyAsSeen = false } = {}) => {
      if (stopped) return;
      const { name, uid, resourceVersion } = binding.metadata;
      const entry = pending.get(uid ?? name) ?? { name, uid, wanted: ack, busy: false };
      pending.set(uid ?? name, entry);
      const text = sentence(ack);
      // What is new does not wait for as long as what was refused before.
      if (sentence(entry.wanted) !== text) entry.wake?.();
      entry.wanted = ack;
      entry.version = onlyAsSeen ? resourceVersion : undefined;
      if (entry.busy) return;
      const shown = ackOf(binding, nodeName);
      if (sentence(shown ?? "withdrawn") === text) {
        entry.written = undefined;
        return;
      }
      // Also where what was seen is from before it came back.
      const { written, back } = entry;
      const said = back !== undefined && versionOf(binding) < back.version ? back : written;
      if (said?.text === text && clock.now() - said.at < TRUST_WRITE_MS) return;
      void write(entry);
    },
    heard: (binding, ack) => {
      const { name, uid } = binding.metadata;
      const entry = pending.get(uid ?? name);
      const text = sentence(ack);
      if (entry === undefined || sentence(entry.wanted) !== text) return false;
      entry.written = undefined;
      entry.back = { text, version: versionOf(binding), at: clock.now() };
      return true;
    },
    settle: (standing) => {
      for (const [key, entry] of pending) {
        const stands = standing(entry.name);
        if (stands === "concerned") continue;
        if (entry.busy) entry.wanted = "withdrawn";
        else if (stands === "gone" || entry.wanted === "withdrawn") pending.delete(key);
        else if (stands === "left") {
          // It arrived after the binding was last read, which does not name this node any more and so is not shown to it.
          entry.wanted = "withdrawn";
          entry.version = undefined;
          void write(entry);
        }
      }
    },
    stop: () => {
      stopped = true;
      for (const cancel of cancels) cancel();
    },
  };
}

/** Also when another binding has its name by now. */
function isGone(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.status === 404 || (error.status === 409 && error.message.includes("UID in precondition"));
}

/** Server-side apply: the fields that this object names, and no others, belong to this node. */
function statusOf(metadata: AddressBinding["metadata"], ack: BindingAck | "withdrawn"): AddressBinding {
  const body = {
    apiVersion: apiVersionOf(RESOURCES.addressBindings),
    kind: RESOURCES.addressBindings.kind,
    // With the UID, so that what comes late can never land on a binding of the same name that was made since.
    metadata,
    status: { acks: ack === "withdrawn" ? [] : [ack] },
  };
  return body as unknown as AddressBinding;
}

function sentence(ack: BindingAck | "withdrawn"): string {
  if (ack === "withdrawn") return ack;
  const { epoch, podUid, state, reason = "", message = "" } = ack;
  return JSON.stringify([epoch, podUid, state, reason, message]);
}
