// What an engine that was killed was about to make: it may exist, and the state does not know its ID.

/** A resource that may exist without the state knowing its ID. */
export interface PendingCreate {
  readonly urn: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

interface Exported {
  readonly deployment?: {
    readonly pending_operations?: readonly { readonly resource: PendingCreate; readonly type: string }[];
  };
}

/** @param state what `pulumi stack export` prints */
export function pendingCreates(state: string): readonly PendingCreate[] {
  const { deployment } = JSON.parse(state) as Exported;
  return (deployment?.pending_operations ?? [])
    .filter(({ type }) => type === "creating")
    .map(({ resource: { urn, type, inputs } }) => ({ urn, type, inputs }));
}
