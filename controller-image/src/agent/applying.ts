// Applies a plan to the node's kernel and to its Pods, in the order that moves an address without a gap. What one address is refused
// stops only that address.
import { asLines, type Commands, IP_CHANGES, mustSucceed, NFT_SCRIPT } from "../fabric/commands";
import type { PodNamespaces } from "./enter";
import type { PodChanges } from "./inside";
import { failedLines } from "./iproute";
import type { KernelChanges, Step } from "./plan";

/** What was refused, by address; the others are in place. Fails when nothing can work. */
export async function applyChanges(
  commands: Commands,
  pods: PodNamespaces | undefined,
  changes: KernelChanges,
): Promise<ReadonlyMap<string, string>> {
  const failed = new Map<string, string>();
  const working = (): Step[] => changes.steps.filter(({ address }) => !failed.has(address));

  await inPods(pods, working(), "first", failed);
  const early = working().map(({ address, early }) => ({ address, elements: { remove: early, add: [] } }));
  await applyNft(commands, [], early, failed);
  const setup = changes.setup.map((line): Line => ({ line }));
  const routes = working().flatMap(({ address, routes }) => routes.map((line): Line => ({ address, line })));
  await ipBatch(commands, [...setup, ...routes], failed);

  await inPods(pods, working(), "leave", failed);
  await applyNft(commands, changes.base, working(), failed);
  await inPods(pods, working(), "enter", failed);

  const proxies = working().flatMap(({ address, proxies }) => proxies.map((line): Line => ({ address, line })));
  await ipBatch(commands, [...proxies, ...changes.finish.map((line): Line => ({ line }))], failed);

  const { ip, nft } = changes.teardown;
  await ipBatch(
    commands,
    ip.map((line) => ({ line })),
    failed,
  );
  for (const script of [nft, changes.cleanup]) {
    if (script.length > 0) mustSucceed(await commands.run(NFT_SCRIPT, asLines(script)), script.join("; "));
  }
  return failed;
}

/** Of several addresses of one Pod one after the other; different Pods at once. */
async function inPods(
  pods: PodNamespaces | undefined,
  steps: readonly Step[],
  way: keyof PodChanges,
  failed: Map<string, string>,
): Promise<void> {
  const turns = new Map<string, Promise<void>>();
  for (const { address, pods: changes } of steps) {
    for (const change of changes[way]) {
      const turn = async (): Promise<void> => {
        const why = await pods?.change(change);
        if (why !== undefined) failed.set(address, why);
      };
      turns.set(change.namespace, (turns.get(change.namespace) ?? Promise.resolve()).then(turn));
    }
  }
  await Promise.all(turns.values());
}

/** A line of a batch; without an address all depend on it. */
interface Line {
  readonly address?: string;
  readonly line: string;
}

async function ipBatch(commands: Commands, batch: readonly Line[], failed: Map<string, string>): Promise<void> {
  if (batch.length === 0) return;
  const result = await commands.run(IP_CHANGES, asLines(batch.map(({ line }) => line)));
  const refused = failedLines(result.stderr);
  if (result.code !== 0 && refused.size === 0) mustSucceed(result, "ip -batch");
  for (const [number, why] of refused) {
    const entry = batch[number - 1];
    // Gone already: the kernel drops routes with their interface, between our looking and our deleting.
    if (entry === undefined || (/^(route|neigh|rule) del /.test(entry.line) && /No such|Cannot find/.test(why)))
      continue;
    // A Pod's interface goes with the Pod.
    if (/^link set dev \S+ type bridge_slave /.test(entry.line) && /Cannot find device/.test(why)) continue;
    if (/^(rule add|route prepend throw) /.test(entry.line) && /File exists/.test(why)) continue;
    const text = `ip ${entry.line}: ${why}`;
    if (entry.address === undefined) throw new Error(text);
    failed.set(entry.address, text);
  }
}

async function applyNft(
  commands: Commands,
  base: readonly string[],
  steps: readonly Pick<Step, "address" | "elements">[],
  failed: Map<string, string>,
): Promise<void> {
  const script = [
    ...base,
    ...steps.flatMap(({ elements }) => elements.remove),
    ...steps.flatMap(({ elements }) => elements.add),
  ];
  if (script.length === 0) return;
  const all = await commands.run(NFT_SCRIPT, asLines(script));
  if (all.code === 0) return;
  // One refused element refuses the whole transaction: find out which, so that it fails alone.
  if (base.length > 0) mustSucceed(await commands.run(NFT_SCRIPT, asLines(base)), "the base table");
  for (const { address, elements } of steps) {
    const piece = [...elements.remove, ...elements.add];
    if (piece.length === 0) continue;
    const one = await commands.run(NFT_SCRIPT, asLines(piece));
    if (one.code !== 0) failed.set(address, `nft: ${one.stderr.trim().split("\n")[0] ?? ""}`);
  }
}
