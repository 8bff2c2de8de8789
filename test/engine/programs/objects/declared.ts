import type { CustomResourceOptions } from "@pulumi/pulumi";

/** One object of the program `objects`. */
export interface Declared {
  /** The resource's name in the stack. */
  readonly name: string;
  readonly object: { readonly apiVersion: string; readonly kind: string; readonly [field: string]: unknown };
  /** The SDK's class, where it is not the one of the kind. */
  readonly type?: string;
  /** Names of resources that must be there first. */
  readonly after?: readonly string[];
  readonly options?: Pick<
    CustomResourceOptions,
    "customTimeouts" | "deleteBeforeReplace" | "ignoreChanges" | "import" | "replaceOnChanges"
  >;
}
