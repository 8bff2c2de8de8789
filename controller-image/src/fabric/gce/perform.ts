// One call and what it takes to know what it did: a change is read back before anything is built on it, and what was refused is
// looked at anew, since the copy that it was decided on was not the truth.
import type { Clock } from "../../kube/api";
import { pause } from "../../kube/backoff";
import {
  ComputeError,
  type BackendService,
  type CallOptions,
  type Collection,
  type Collections,
  type Compute,
  type Firewall,
} from "./compute";
import type { Interfaces } from "./interfaces";
import { leaderOf } from "./leads";
import type { Mirror } from "./mirror";
import { isRead, type Call } from "./plan";
import { isSame, nameIn, pathOf, zoneIn, type Ref } from "./refs";

export interface Performing {
  readonly compute: Compute;
  /** For firewall rules, which with a Shared VPC are in the project of the network. */
  readonly firewalls: Compute;
  readonly mirror: Mirror;
  readonly interfaces: Interfaces;
  readonly clock: Clock;
  readonly region: string;
  readonly signal: AbortSignal;
  /** The addresses have been read. */
  readonly onAddresses: () => void;
}

/** A change is seen no later than this after its operation is done, or it is taken for not made. */
const SEEN_AFTER_MS = [0, 250, 500, 1_000, 2_000] as const;

/** The operation is done, and what was read afterwards is not what it should have made. */
export class Unseen extends Error {
  override readonly name = "Unseen";
}

export async function perform(deps: Performing, call: Call, options: CallOptions): Promise<void> {
  const { mirror } = deps;
  try {
    await change(deps, call, options);
  } catch (error) {
    await lookAgain(deps, call, error, options);
    throw error;
  }
  switch (call.verb) {
    case "insert":
      return seen(deps, call.at, (resource) => resource !== undefined, options);
    case "patch":
      return seen(deps, call.at, (resource) => resource !== undefined && hasTaken(call.body, resource), options);
    case "setTarget":
      return seen(
        deps,
        call.at,
        (rule) => rule !== undefined && "target" in rule && isSame(rule.target, call.target),
        options,
      );
    case "delete":
      mirror.gone(call.at);
      return;
    case "attach":
    case "detach": {
      const before = mirror.endpoints(call.at);
      // Of a group whose endpoints are not all known, one more or less says nothing about the others.
      if (before === undefined) return;
      const isGone = (name: string): boolean => call.verb === "detach" && call.instances.includes(name);
      const added = call.verb === "attach" ? call.instances : [];
      mirror.setEndpoints(
        call.at,
        [...before, ...added].filter((name) => !isGone(name)),
      );
      return;
    }
    case "endpoints":
    case "instance":
    case "addresses":
      return;
  }
}

/** Reads what the call was about, so that the next plan is made on what is there. */
async function lookAgain(deps: Performing, call: Call, error: unknown, options: CallOptions): Promise<void> {
  const { mirror, interfaces } = deps;
  // A refusal for lack of rights or quota says nothing about the resource, and no answer is not got by asking more.
  if (!(error instanceof ComputeError) || error.status === 403) return;
  if (error.status === 0 || error.status >= 500) {
    if ("at" in call && !isRead(call)) mirror.doubt(call.at, call.verb === "insert" ? call.body : undefined);
    return;
  }
  try {
    if (call.verb === "attach" || call.verb === "detach") {
      for (const instance of call.instances) interfaces.forget(call.zone, instance);
      mirror.setEndpoints(call.at, undefined);
      await reread(deps, call.at, options);
    } else if ("at" in call && call.verb !== "endpoints" && call.verb !== "instance") {
      await reread(deps, call.at, options);
      if (call.verb === "insert" && call.at.collection === "forwardingRules") await readAddresses(deps);
      // A leader that is not attached: what was believed about its group is wrong.
      const group = call.verb === "patch" && call.at.collection === "backendServices" ? groupOf(call.body) : undefined;
      if (group !== undefined && error.status === 400) mirror.setEndpoints(group, undefined);
    }
  } catch (again) {
    if (!(again instanceof ComputeError)) throw again;
  }
}

function groupOf(body: Partial<BackendService>): Ref<"networkEndpointGroups"> | undefined {
  const url = body.haPolicy?.leader?.backendGroup;
  const zone = zoneIn(url);
  return url === undefined || zone === undefined
    ? undefined
    : { scope: `zones/${zone}`, collection: "networkEndpointGroups", name: nameIn(url) };
}

async function change(deps: Performing, call: Call, options: CallOptions): Promise<void> {
  const { compute, mirror, interfaces } = deps;
  switch (call.verb) {
    case "insert":
      return clientFor(deps, call.at).insert(call.at.scope, call.at.collection, call.body, options);
    case "patch":
      return call.at.collection === "firewalls"
        ? deps.firewalls.patch(call.at.scope, "firewalls", call.at.name, call.body as Partial<Firewall>, options)
        : compute.patch(call.at.scope, "backendServices", call.at.name, call.body as Partial<BackendService>, options);
    case "delete":
      return clientFor(deps, call.at).delete(call.at.scope, call.at.collection, call.at.name, options);
    case "attach":
      return compute.attachEndpoints(call.zone, call.at.name, endpointsOf(call.instances), options);
    case "detach":
      return compute.detachEndpoints(call.zone, call.at.name, endpointsOf(call.instances), options);
    case "setTarget":
      return compute.setTarget(deps.region, call.at.name, call.target, options);
    case "endpoints": {
      const endpoints = await compute.listEndpoints(call.zone, call.at.name, options);
      mirror.setEndpoints(
        call.at,
        endpoints.map(({ instance }) => nameIn(instance ?? "")),
      );
      return;
    }
    case "instance": {
      const instance = await compute.get(call.at.scope, "instances", call.at.name, options);
      interfaces.set(zoneIn(`${call.at.scope}/`) ?? "", call.at.name, instance);
      return;
    }
    case "addresses":
      return readAddresses(deps);
  }
}

function clientFor({ compute, firewalls }: Performing, { collection }: Ref): Compute {
  return collection === "firewalls" ? firewalls : compute;
}

function endpointsOf(instances: readonly string[]): readonly { readonly instance: string }[] {
  return instances.map((instance) => ({ instance }));
}

export async function readAddresses({ compute, mirror, region, onAddresses }: Performing): Promise<void> {
  mirror.setAddresses(await compute.list(`regions/${region}`, "addresses"));
  onAddresses();
}

async function reread(deps: Performing, at: Ref, options: CallOptions): Promise<Collections[Collection] | undefined> {
  const { urgent } = options;
  const resource = await clientFor(deps, at).get(at.scope, at.collection, at.name, { urgent });
  deps.mirror.put(at, resource);
  if (resource === undefined || at.collection !== "networkEndpointGroups") return resource;
  // A group that has just been made is empty.
  if (
    deps.mirror.endpoints(at as Ref<"networkEndpointGroups">) === undefined &&
    !("size" in resource && resource.size !== 0)
  ) {
    deps.mirror.setEndpoints(at as Ref<"networkEndpointGroups">, []);
  }
  return resource;
}

/** Reads until it is as it should be: an answer may be a little older than the operation. */
async function seen(
  deps: Performing,
  at: Ref,
  isDone: (resource: Collections[Collection] | undefined) => boolean,
  options: CallOptions,
): Promise<void> {
  for (const ms of SEEN_AFTER_MS) {
    if (ms > 0) await pause(deps.clock, ms, deps.signal);
    if (isDone(await reread(deps, at, options))) return;
  }
  throw new Unseen(`${pathOf(at)} is not as it was made; something else may have changed it since`);
}

/** What a patch has set is what is there. */
function hasTaken(body: Partial<BackendService> | Partial<Firewall>, resource: Collections[Collection]): boolean {
  if (body.description !== undefined && body.description !== resource.description) return false;
  const wanted = "haPolicy" in body ? leaderOf({ name: "", ...body }) : undefined;
  const there = leaderOf(resource as BackendService);
  return wanted === undefined || (wanted.instance === there?.instance && wanted.zone === there.zone);
}
