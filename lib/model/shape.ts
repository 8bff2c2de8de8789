// What a compiler says of TypeScript: whether arguments have the shape that a component reads. JavaScript, and whatever was
// cast, comes without that, and would end in a TypeError of ours.
import { type ArgumentNames, checkNames } from "./argument-names";
import { comesLater, type Problems } from "./problems";

/** The arguments of a component that are read before anything of it is checked. */
interface Shape {
  /** Another component, by the name of its argument, that is required. */
  readonly required?: readonly (keyof typeof COMPONENTS)[];
  /** Another component that may be left out. */
  readonly optional?: readonly (keyof typeof COMPONENTS)[];
  /** Lists that are required. */
  readonly requiredLists?: readonly string[];
  /** Lists that may be left out. */
  readonly lists?: readonly string[];
}

/** By the name of the argument: the component, and a field by which it is known. Copies of a class are not the same. */
const COMPONENTS = {
  pool: { kind: "PersistentIpPool", field: "claims" },
  cluster: { kind: "PersistentIpCluster", field: "facts" },
  controller: { kind: "PersistentIpController", field: "interfaceDelivery" },
} as const;

/** By which entry of the package a component is imported: those of one know nothing of the other's. */
export const Flavour = { Pulumi: "podpin/pulumi", Cdk8s: "podpin/cdk8s" } as const;
export type Flavour = (typeof Flavour)[keyof typeof Flavour];

/** For each, the other one, and a field that its framework gives to every component. */
const OTHER: Readonly<Record<Flavour, { readonly flavour: Flavour; readonly field: string }>> = {
  [Flavour.Pulumi]: { flavour: Flavour.Cdk8s, field: "node" },
  [Flavour.Cdk8s]: { flavour: Flavour.Pulumi, field: "urn" },
};

const SELECTORS = ["podSelectorExpressions", "nodeSelectorExpressions"];
const TARGETS = ["targetTags", "targetServiceAccounts"];

const SHAPES = {
  ByoipPrefix: {},
  PersistentIpCluster: {},
  "PersistentIpCluster.fromExisting": {},
  PersistentIpController: {
    optional: ["cluster"],
    lists: ["imagePlatforms", "clusterCidrs", "apiServerPorts", "tolerations"],
  },
  PersistentIpFirewall: { required: ["pool"], lists: ["sourceRanges", ...TARGETS, "protocols", "ports"] },
  PersistentIpHealthCheck: { optional: ["cluster"], lists: ["probeRanges", ...TARGETS] },
  PersistentIpNodePool: {
    required: ["cluster"],
    lists: ["additionalNodeNetworkConfigs", "additionalPodNetworkConfigs", "allowedUnsafeSysctls"],
  },
  PersistentIpPool: { optional: ["cluster", "controller"], lists: ["addresses"] },
  "PersistentIpPool.fromAddresses": { optional: ["cluster", "controller"], requiredLists: ["addresses"] },
  PinnedDeployment: { required: ["pool"], lists: ["addresses", ...SELECTORS] },
  PinnedPodRoute: { required: ["pool"], lists: ["addresses", ...SELECTORS] },
  PinnedStatefulSet: { required: ["pool"] },
  PodNetwork: { optional: ["cluster"], lists: ["secondaryRanges", "routes", "nameservers", "searchDomains"] },
  podSetup: { required: ["pool"], lists: ["addresses"] },
} satisfies Record<string, Shape>;

const EXPRESSION: ArgumentNames = { key: true, operator: true, values: true };

/** Arguments that are objects of podpin's own, or lists of such, with the names of their fields. */
const OBJECTS: Readonly<Record<string, ArgumentNames>> = {
  additionalNodeNetworkConfigs: { network: true, subnetwork: true },
  additionalPodNetworkConfigs: { subnetwork: true, secondaryPodRange: true, maxPodsPerNode: true },
  nodeSelectorExpressions: EXPRESSION,
  ordinals: { from: true, to: true },
  podSelectorExpressions: EXPRESSION,
  tolerations: { key: true, operator: true, value: true, effect: true, tolerationSeconds: true },
};

/** A component whose arguments have a shape, or a way to make one. */
export type ShapedComponent = keyof typeof SHAPES;

/**
 * Adds what is wrong with the shape of a component's arguments. Where anything is, they cannot be read any further.
 *
 * @param names every argument of the component
 * @returns names that are no argument and resemble none
 */
export function checkShape(
  flavour: Flavour,
  component: ShapedComponent,
  given: unknown,
  names: ArgumentNames,
  problems: Problems,
): readonly string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given) || comesLater(given)) {
    problems.add("arguments", given, "pass them as one object");
    return [];
  }
  const shape: Shape = SHAPES[component];
  const values = given as Readonly<Record<string, unknown>>;
  const foreign = checkNames("", given, names, problems);
  for (const name of shape.required ?? []) checkComponent(flavour, name, values[name], problems);
  for (const name of shape.optional ?? []) {
    if (values[name] !== undefined) checkComponent(flavour, name, values[name], problems);
  }
  for (const name of shape.requiredLists ?? []) checkList(name, values[name], problems);
  for (const name of shape.lists ?? []) {
    if (values[name] !== undefined) checkList(name, values[name], problems);
  }
  const inner = Object.keys(OBJECTS).filter((name) => names[name] === true);
  return [...foreign, ...inner.flatMap((name) => checkObjects(name, values[name], problems))];
}

/** The component as messages name it, however it is made. */
export function shapedKind(component: ShapedComponent): string {
  return component.split(".", 1).join();
}

function checkObjects(name: string, given: unknown, problems: Problems): readonly string[] {
  const entries = Array.isArray(given) ? (given as unknown[]) : [given];
  return entries.flatMap((entry, index) => {
    if (typeof entry !== "object" || entry === null || comesLater(entry)) return [];
    const path = Array.isArray(given) ? `${name}[${index}].` : `${name}.`;
    return checkNames(path, entry, OBJECTS[name] ?? {}, problems);
  });
}

function checkComponent(flavour: Flavour, name: keyof typeof COMPONENTS, given: unknown, problems: Problems): void {
  const { kind, field } = COMPONENTS[name];
  const other = OTHER[flavour];
  if (typeof given === "object" && given !== null && field in given) {
    if (other.field in given) problems.addFact(name, `a ${kind} of ${other.flavour}`, `pass one that ${flavour} makes`);
    return;
  }
  const want = `pass the ${kind} itself`;
  if (typeof given === "object" && given !== null) problems.addFact(name, "another object", want);
  else problems.add(name, given, want);
}

function checkList(name: string, given: unknown, problems: Problems): void {
  if (Array.isArray(given)) return;
  // An object can be a value that comes later, which prints itself in many lines.
  if (typeof given !== "object" || given === null) {
    problems.add(name, given, "use a list, even for one entry");
    return;
  }
  problems.addFact(
    name,
    "an object",
    "use a list: its entries may come from other resources, how many there are may not",
  );
}
