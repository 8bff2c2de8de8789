// What happens to Pods, routes and bindings.
import { Delivery } from "../../lib/model/binding";
import { ANNOTATION_DELIVERY } from "../../lib/model/gke-api";
import { type Draw, kubectl } from "./fault";
import { ADDRESSES, ALL_ADDRESSES, NAMESPACE, POD_NAMES, RIVAL, ROUTE_NAMES, ROUTES, type Setting } from "./setting";

const ANEW_WITHIN_MS = 120_000;

async function deletePods(setting: Setting, names: readonly string[], how: readonly string[]): Promise<void> {
  await kubectl(setting, "delete", "pod", "-n", NAMESPACE, ...names, "--wait=false", "--ignore-not-found", ...how);
}

const madeAnew = (setting: Setting, name: string): Promise<true> =>
  setting.cluster.until(
    `${name} is made anew`,
    async () => {
      const found = await setting.cluster.pod(NAMESPACE, name);
      if (found !== undefined) return found.metadata.deletionTimestamp === undefined ? true : undefined;
      return setting.makePod(name).then(() => true);
    },
    ANEW_WITHIN_MS,
  );

const BY_FORCE = ["--grace-period=0", "--force"];

const podDeleted: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  const how = random.pick([[], BY_FORCE]);
  return {
    what: `Pod ${name} is deleted ${how.length > 0 ? "by force " : ""}and comes back`,
    on: name,
    begin: () => deletePods(setting, [name], how),
    end: async () => {
      await deletePods(setting, [name], []);
      await madeAnew(setting, name);
    },
  };
};

/** Their addresses are given to the Pods that come back, perhaps in another order. */
const podsDeletedTogether: Draw = (setting, random) => {
  const first = random.between(0, 2);
  const names = POD_NAMES.filter((_, index) => index % 3 === first);
  const how = random.pick([[], BY_FORCE]);
  return {
    what: `Pods ${names.join(", ")} of one node are deleted ${how.length > 0 ? "by force " : ""}and come back`,
    on: "pods",
    begin: () => deletePods(setting, names, how),
    end: async () => {
      for (const name of [...names].reverse()) await madeAnew(setting, name);
    },
  };
};

const podRelabelled: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  const routes = random.pick([...ROUTE_NAMES.map((route) => [route]), ROUTE_NAMES]);
  const label = (value: string) => () =>
    kubectl(setting, "label", "pod", "-n", NAMESPACE, name, ...routes.map((route) => route + value), "--overwrite");
  return {
    what: `Pod ${name} loses the label of route ${routes.join(", ")}`,
    on: name,
    begin: label("-"),
    end: label("=yes"),
  };
};

const podNotReady: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  return {
    what: `Pod ${name} is not Ready`,
    on: name,
    begin: () => setting.setReady(name, false),
    end: () => setting.setReady(name, true),
  };
};

const nobodyReady: Draw = (setting) => {
  const set = (ready: boolean) => () => Promise.all(POD_NAMES.map((name) => setting.setReady(name, ready)));
  return { what: "no Pod is Ready", on: "pods", begin: set(false), end: set(true) };
};

const routeEdited: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  const other = random.pick(ROUTE_NAMES);
  // What another route has already it does not get; the address that it gives up others may get.
  const lists = [ADDRESSES[route].slice(1), [...ADDRESSES[route].slice(0, 1), ...ADDRESSES[other]]];
  const addresses = [...new Set(random.pick(lists))];
  return {
    what: `route ${route} lists ${addresses.join(", ")}`,
    on: route,
    begin: () => setting.setAddresses(route, addresses),
    end: () => setting.restoreRoute(route),
  };
};

const deliveryEdited: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  const delivery = random.pick(Object.values(Delivery).filter((each) => each !== ROUTES[route]));
  const value = `${ANNOTATION_DELIVERY}=${delivery}`;
  return {
    what: `route ${route} is delivered by ${delivery}`,
    on: route,
    begin: () => kubectl(setting, "annotate", "gkeiproute", "-n", NAMESPACE, route, value, "--overwrite"),
    end: () => setting.restoreRoute(route),
  };
};

const selectorEdited: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  const change = { spec: { podSelector: { matchLabels: { [route]: "nobody" } } } };
  return {
    what: `route ${route} selects no Pod`,
    on: route,
    begin: () => setting.patchRoute(route, change),
    end: () => setting.restoreRoute(route),
  };
};

const statusWiped: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  return {
    what: `the status of route ${route} is taken away by hand`,
    on: route,
    begin: () => setting.patchRoute(route, { status: null }, "--subresource=status"),
  };
};

const routeDeleted: Draw = (setting, random) => {
  const route = random.pick(ROUTE_NAMES);
  const byForce = random.chance(0.5);
  return {
    what: `route ${route} is deleted${byForce ? ", and its finalizer removed by hand" : ""}`,
    on: route,
    begin: async () => {
      await kubectl(setting, "delete", "gkeiproute", "-n", NAMESPACE, route, "--wait=false");
      if (byForce) await setting.patchRoute(route, { metadata: { finalizers: null } });
    },
    end: () =>
      setting.cluster.until(
        `route ${route} is made anew`,
        async () => {
          const found = await setting.cluster.route(NAMESPACE, route);
          if (found?.metadata.deletionTimestamp !== undefined) return undefined;
          return setting.restoreRoute(route).then(() => true);
        },
        ANEW_WITHIN_MS,
      ),
  };
};

/** The younger of two routes takes over what the older one gives up. */
const rivalRoute: Draw = (setting, random) => {
  const [route, other] = [random.pick(ROUTE_NAMES), random.pick(ROUTE_NAMES)];
  return {
    what: `a second route asks for the addresses of ${route}, for Pods of ${other}`,
    on: RIVAL,
    begin: () => setting.makeRival(route, other),
    end: () =>
      setting.cluster.until(
        "the second route is gone",
        async () => {
          const args = ["-n", NAMESPACE, RIVAL, "--wait=false", "--ignore-not-found"];
          await kubectl(setting, "delete", "gkeiproute", ...args);
          return (await setting.cluster.route(NAMESPACE, RIVAL)) === undefined ? true : undefined;
        },
        ANEW_WITHIN_MS,
      ),
  };
};

const bindingEdited: Draw = (setting, random) => {
  const address = random.pick(ALL_ADDRESSES);
  const how = random.pick([
    "deleted",
    "given a higher epoch",
    "rid of its acknowledgements",
    "rid of its standby",
    "rid of its release",
  ]);
  const patch = (change: unknown, ...args: string[]): Promise<string> =>
    kubectl(setting, "patch", "addressbinding", address, "--type=merge", "-p", JSON.stringify(change), ...args);
  const edit = async (): Promise<unknown> => {
    if (how === "deleted") return kubectl(setting, "delete", "addressbinding", address, "--wait=false");
    if (how === "rid of its standby") return patch({ spec: { standby: null } });
    if (how === "rid of its release") return patch({ spec: { releasing: null } });
    if (how !== "given a higher epoch") return patch({ status: { acks: [] } }, "--subresource=status");
    const { spec } = await setting.cluster.binding(address);
    return patch({ spec: { epoch: spec.epoch + 5 } });
  };
  return { what: `AddressBinding ${address} is ${how} by hand`, on: address, begin: edit };
};

const bindingsDeleted: Draw = (setting) => ({
  what: "all AddressBindings are deleted by hand",
  on: "bindings",
  begin: () => kubectl(setting, "delete", "addressbinding", "--all", "--wait=false"),
});

export const OBJECT_FAULTS = {
  podDeleted,
  podsDeletedTogether,
  podRelabelled,
  podNotReady,
  nobodyReady,
  routeEdited,
  deliveryEdited,
  selectorEdited,
  statusWiped,
  routeDeleted,
  rivalRoute,
  bindingEdited,
  bindingsDeleted,
};
