// The resources of Compute Engine's v1 API that podpin uses, and the calls it makes. Fields are Google's own, and only
// those that are used; a test holds them against Google's schema.

/** Fields that Google sets. */
export interface ComputeResource {
  readonly name: string;
  readonly selfLink?: string;
  readonly description?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
}

export interface Address extends ComputeResource {
  readonly address?: string;
  readonly addressType?: "EXTERNAL" | "INTERNAL";
  readonly networkTier?: string;
  readonly status?: "RESERVED" | "RESERVING" | "IN_USE";
  readonly subnetwork?: string;
  readonly network?: string;
  readonly purpose?: string;
  readonly region?: string;
  /** URLs of what uses it. */
  readonly users?: readonly string[];
}

export interface ForwardingRule extends ComputeResource {
  readonly IPAddress?: string;
  readonly IPProtocol?: string;
  readonly allPorts?: boolean;
  readonly allowGlobalAccess?: boolean;
  readonly backendService?: string;
  readonly fingerprint?: string;
  readonly loadBalancingScheme?: "EXTERNAL" | "INTERNAL";
  readonly network?: string;
  readonly networkTier?: string;
  readonly subnetwork?: string;
  readonly target?: string;
}

export interface BackendService extends ComputeResource {
  readonly backends?: readonly { readonly group?: string; readonly balancingMode?: string }[];
  readonly fingerprint?: string;
  readonly haPolicy?: HaPolicy;
  readonly loadBalancingScheme?: "EXTERNAL" | "INTERNAL";
  readonly network?: string;
  readonly protocol?: string;
}

export interface HaPolicy {
  readonly fastIPMove?: "DISABLED" | "GARP_RA";
  readonly leader?: {
    readonly backendGroup?: string;
    readonly networkEndpoint?: { readonly instance?: string };
  };
}

export interface NetworkEndpointGroup extends ComputeResource {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly network?: string;
  readonly networkEndpointType?: string;
  readonly size?: number;
  readonly subnetwork?: string;
  readonly zone?: string;
}

export interface NetworkEndpoint {
  readonly instance?: string;
  readonly ipAddress?: string;
}

export interface TargetInstance extends ComputeResource {
  readonly instance?: string;
  readonly natPolicy?: string;
  readonly network?: string;
  readonly zone?: string;
}

export interface Instance extends ComputeResource {
  readonly networkInterfaces?: readonly {
    readonly name?: string;
    readonly network?: string;
    readonly networkIP?: string;
    readonly subnetwork?: string;
  }[];
  readonly status?: string;
  readonly tags?: { readonly items?: readonly string[] };
  readonly zone?: string;
}

export interface Firewall extends ComputeResource {
  readonly allowed?: readonly { readonly IPProtocol?: string; readonly ports?: readonly string[] }[];
  readonly destinationRanges?: readonly string[];
  readonly direction?: string;
  readonly disabled?: boolean;
  readonly network?: string;
  readonly priority?: number;
  readonly sourceRanges?: readonly string[];
  readonly targetServiceAccounts?: readonly string[];
  readonly targetTags?: readonly string[];
}

export interface Region extends ComputeResource {
  readonly quotas?: readonly { readonly metric?: string; readonly limit?: number; readonly usage?: number }[];
  readonly zones?: readonly string[];
}

/** Names of collections, as in the API's paths, with what they hold. */
export interface Regional {
  readonly addresses: Address;
  readonly backendServices: BackendService;
  readonly forwardingRules: ForwardingRule;
}
export interface Zonal {
  readonly instances: Instance;
  readonly networkEndpointGroups: NetworkEndpointGroup;
  readonly targetInstances: TargetInstance;
}
export interface Global {
  readonly firewalls: Firewall;
}
export interface Collections extends Regional, Zonal, Global {}
export type Collection = keyof Collections;

/** Where a resource is: `regions/us-central1`, `zones/us-central1-a`, `global`. */
export type Scope = `regions/${string}` | `zones/${string}` | "global";

export interface CallOptions {
  /**
   * One UUID for one intent: the same call again is the same operation. @default a new one, kept for the retries of this call
   */
  readonly requestId?: string;
  /** Takes from the lane that is kept free for addresses whose node is lost. @default false */
  readonly urgent?: boolean;
}

export interface ListEverywhereOptions {
  /**
   * Called for each zone or region that could not be asked; the others' resources are the answer then. What is there is not
   * known, which is not the same as nothing. @default - the call fails
   */
  readonly onUnreachable?: (scope: Scope) => void;
}

/**
 * The calls, for one project. A mutating call resolves when its operation is DONE without error. Everything rejects with a
 * {@link ComputeError}.
 */
export interface Compute {
  readonly project: string;
  /** Undefined when it does not exist. */
  get<C extends Collection>(
    scope: Scope,
    collection: C,
    name: string,
    options?: CallOptions,
  ): Promise<Collections[C] | undefined>;
  /** Every page. @param filter as Google's `filter` parameter */
  list<C extends Collection>(scope: Scope, collection: C, filter?: string): Promise<readonly Collections[C][]>;
  /** Every page of every zone or region at once (`aggregated/…`). */
  listEverywhere<C extends Exclude<Collection, keyof Global>>(
    collection: C,
    filter?: string,
    options?: ListEverywhereOptions,
  ): Promise<readonly Collections[C][]>;
  insert<C extends Collection>(scope: Scope, collection: C, body: Collections[C], options?: CallOptions): Promise<void>;
  patch<C extends "backendServices" | "firewalls">(
    scope: Scope,
    collection: C,
    name: string,
    body: Partial<Collections[C]>,
    options?: CallOptions,
  ): Promise<void>;
  /** Resolves as well when there is nothing of that name. */
  delete(scope: Scope, collection: Collection, name: string, options?: CallOptions): Promise<void>;
  attachEndpoints(
    zone: string,
    group: string,
    endpoints: readonly NetworkEndpoint[],
    options?: CallOptions,
  ): Promise<void>;
  /** Resolves as well when they are not attached. */
  detachEndpoints(
    zone: string,
    group: string,
    endpoints: readonly NetworkEndpoint[],
    options?: CallOptions,
  ): Promise<void>;
  listEndpoints(zone: string, group: string, options?: CallOptions): Promise<readonly NetworkEndpoint[]>;
  setTarget(region: string, rule: string, target: string, options?: CallOptions): Promise<void>;
  region(name: string): Promise<Region>;
  /** Ends what is waited for; nothing is undone. */
  close(): void;
}

/** What a call was refused for. Nothing of a token is in it. */
export class ComputeError extends Error {
  override readonly name = "ComputeError";

  constructor(
    message: string,
    /** Status of HTTP, also that of an operation which ended with an error; 0 when there was no answer. */
    readonly status: number,
    /** Google's word for it: `notFound`, `alreadyExists`, `conditionNotMet`, `quotaExceeded`, `forbidden`, `RESOURCE_IN_USE_BY_ANOTHER_RESOURCE`, … */
    readonly reason: string,
    /** Method and path, without the project's prefix. */
    readonly call: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One exchange with the API: what the client needs of the network. */
export interface ComputeRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** After the project's prefix, with the query: `regions/us-central1/addresses?pageToken=…`. */
  readonly path: string;
  readonly body?: object;
  /** Ends the exchange; the client has its own clock for how long that may take. */
  readonly signal: AbortSignal;
}
export interface ComputeResponse {
  readonly status: number;
  /** What the JSON said; undefined when there was none. */
  readonly body?: unknown;
}
/** Rejects when there was no answer. */
export type ComputeTransport = (request: ComputeRequest) => Promise<ComputeResponse>;
