// A pool among the other components of its program.
import { checkObjectFree, type DeclaringComponent } from "./declarations";
import { RESOURCES } from "./kubernetes";
import { isKnown } from "./later";
import type { PoolInput, PoolPlan } from "./pool";
import type { Problems } from "./problems";

interface Listed extends Pick<PoolPlan, "addresses" | "namespace" | "isPublic"> {
  /** Of the Gateways. */
  readonly names: readonly string[];
}

/** Checks that no other pool of the program lists the addresses, or has Gateways of the same names. */
export function checkOtherPools(
  { others, handles = [] }: Pick<PoolInput, "others" | "handles">,
  { addresses, names, namespace, isPublic }: Listed,
  problems: Problems,
): void {
  if (others === undefined) return;
  addresses.forEach((address, index) => {
    const holder = others.poolWith(address, handles[index], isPublic);
    if (holder === undefined) return;
    problems.add(
      `addresses[${index}]`,
      isKnown(address) ? address : "a value that is not known yet",
      `${holder} lists it already, and an address is in one pool: remove it from one of the two; allowedNamespaces of a pool lets other namespaces use it`,
    );
  });
  for (const name of names) checkObjectFree(others, RESOURCES.gateways.kind, namespace, name, problems);
}

/**
 * Notes what a pool lists, for the pools that come after it.
 *
 * @param handles what stands for each address where its value is not known yet, by position
 */
export function notePool(
  component: DeclaringComponent,
  plan: PoolPlan,
  handles: readonly (readonly unknown[])[] = [],
): void {
  plan.addresses.forEach((address, position) => component.lists(address, handles[position] ?? [], plan.isPublic));
  for (const { name } of plan.gateways) component.declares(RESOURCES.gateways.kind, plan.namespace, name);
}
