// Runs a Pulumi program against mocks and records what it registers, with the options, which mocks do not see.
import * as pulumi from "@pulumi/pulumi";

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

export interface Options {
  readonly type: string;
  readonly name: string;
  readonly options: pulumi.CustomResourceOptions;
}

let registered: Registered[] = [];

/** Sets the mocks of a suite. They are process-wide, so a suite is either an update or a preview. */
export function useMocks(
  mode: { readonly preview: boolean },
  onResource: (type: string, inputs: Record<string, unknown>) => void = () => {},
): void {
  void pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs });
        onResource(type, inputs);
        return { id: `${name}-id`, state: stateOf(type, name, inputs, mode.preview) };
      },
      call: ({ inputs }) => inputs,
    },
    "project",
    "stack",
    mode.preview,
  );
}

/** An address exists after an update only; a Kubernetes object is its inputs. */
function stateOf(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  preview: boolean,
): Record<string, unknown> {
  // Google chooses the values that the program does not ask for.
  if (type === "gcp:compute/address:Address" && !preview) {
    return { address: `203.0.113.${Number(name.split("-").at(-1)) + 100}`, ...inputs };
  }
  if (type === "docker-build:index:Image" && !preview) {
    return { ...inputs, ref: `${String((inputs["tags"] as string[])[0])}@sha256:${"0".repeat(64)}` };
  }
  if (type === "gcp:projects/iAMCustomRole:IAMCustomRole") {
    return { ...inputs, name: `projects/${String(inputs["project"])}/roles/${String(inputs["roleId"])}` };
  }
  if (type !== "test:index:Address") return inputs;
  return preview ? {} : { address: inputs["value"] };
}

/** Stands for any resource with an address, as `gcp.compute.Address` has it. */
export class Address extends pulumi.CustomResource {
  declare public readonly address: pulumi.Output<string>;
  constructor(name: string, value: string) {
    super("test:index:Address", name, { value, address: undefined });
  }
}

export interface Graph {
  readonly registered: readonly Registered[];
  readonly options: readonly Options[];
}

/** What a program registers, in the order in which it does so. */
export async function graphOf(program: (opts: pulumi.ComponentResourceOptions) => unknown): Promise<Graph> {
  registered = [];
  const options: Options[] = [];
  const record: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    options.push({ type, name, options: opts });
    return undefined;
  };
  program({ transformations: [record] });
  await settle();
  const order = options.map(({ name, type }) => `${type} ${name}`);
  const place = ({ type, name }: Registered) => order.indexOf(`${type} ${name}`);
  return { registered: [...registered].sort((a, b) => place(a) - place(b)), options };
}

/**
 * What each resource below a component depends on in the end, by name: what is recorded above comes after all that the
 * components do to the options of theirs.
 */
export async function dependenciesOf(
  program: (opts: pulumi.ComponentResourceOptions) => unknown,
): Promise<readonly { readonly type: string; readonly name: string; readonly dependsOn: readonly string[] }[]> {
  const found: { type: string; name: string; dependsOn: pulumi.Output<string[]> }[] = [];
  const record: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    found.push({ type, name, dependsOn: pulumi.output(opts.dependsOn).apply((all) => namesOf(all).map(String)) });
    return undefined;
  };
  const parent = new pulumi.ComponentResource("test:index:Above", "above", {}, { transformations: [record] });
  await graphOf(() => program({ parent }));
  return Promise.all(
    found.map(async ({ dependsOn, ...resource }) => ({ ...resource, dependsOn: await valueOf(dependsOn) })),
  );
}

async function settle(): Promise<void> {
  await (pulumi.runtime as unknown as { disconnect(): Promise<void> }).disconnect();
}

/** The value of an output; rejects with what its checks found. */
/** Of one resource or several. */
export const namesOf = (resources: unknown): (string | undefined)[] =>
  [resources ?? []].flat().map((resource) => (resource as { __name?: string }).__name);

export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return (output as unknown as { promise(): Promise<T> }).promise();
}

export function isKnownNow(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
