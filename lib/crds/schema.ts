// Structural schemas (apiextensions.k8s.io/v1) as plain data.

/** The part of OpenAPI that a CustomResourceDefinition may use, as far as it is used here. */
export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly "x-kubernetes-list-type"?: "atomic" | "map" | "set";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** A rule in the Common Expression Language. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0 it is shown only where more is asked for (`kubectl get -o wide`). */
  readonly priority?: number;
}

/** A CustomResourceDefinition (`apiextensions.k8s.io/v1`), as far as it is used here. */
export interface CustomResourceDefinition {
  /** Always `apiextensions.k8s.io/v1`. */
  readonly apiVersion: "apiextensions.k8s.io/v1";
  /** Always `CustomResourceDefinition`. */
  readonly kind: "CustomResourceDefinition";
  /** Its name, `<plural>.<group>`, and labels. */
  readonly metadata: DefinitionMetadata;
  /** What it defines. */
  readonly spec: DefinitionSpec;
}

/** Metadata of a definition. */
export interface DefinitionMetadata {
  /** `<plural>.<group>`. */
  readonly name: string;
  /** Labels, for example of the bundle that it belongs to. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a definition defines. */
export interface DefinitionSpec {
  /** The API group, for example `podpin.dev`. */
  readonly group: string;
  /** What objects of the kind are called. */
  readonly names: DefinitionNames;
  /** Whether objects belong to a namespace. */
  readonly scope: "Namespaced" | "Cluster";
  /** The versions of the kind. */
  readonly versions: readonly DefinitionVersion[];
}

/** What objects of a kind are called. */
export interface DefinitionNames {
  /** Kind of one object, for example `AddressBinding`. */
  readonly kind: string;
  /** Kind of a list of them. */
  readonly listKind: string;
  /** Lower-case plural, as in URLs and for `kubectl get`. */
  readonly plural: string;
  /** Lower-case singular. */
  readonly singular: string;
}

/** One version of a kind. */
export interface DefinitionVersion {
  /** Its name, for example `v1`. */
  readonly name: string;
  /** Whether the API server answers for it. */
  readonly served: boolean;
  /** Whether objects are stored in it. */
  readonly storage: boolean;
  /** What an object looks like. */
  readonly schema: DefinitionSchema;
  /** Parts with rights of their own. */
  readonly subresources: DefinitionSubresources;
  /** Columns of `kubectl get`. */
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  /** Fields by which a list or a watch can select. */
  readonly selectableFields?: readonly SelectableField[];
}

/** What an object looks like. */
export interface DefinitionSchema {
  /** A structural OpenAPI schema. */
  readonly openAPIV3Schema: Schema;
}

/** Parts of an object with rights of their own. */
export interface DefinitionSubresources {
  /** Written apart from the spec; no settings. */
  readonly status: object;
}

/** A field by which a list or a watch can select. */
export interface SelectableField {
  /** Where it is, for example `.spec.nodeName`. */
  readonly jsonPath: string;
}

type Detail = Omit<Schema, "type">;

export const text = (detail: Detail = {}): Schema => ({ type: "string", ...detail });
export const integer = (detail: Detail = {}): Schema => ({ type: "integer", ...detail });
export const flag = (detail: Detail = {}): Schema => ({ type: "boolean", ...detail });
export const list = (items: Schema, detail: Detail = {}): Schema => ({ type: "array", ...detail, items });
export const record = (properties: Readonly<Record<string, Schema>>, detail: Detail = {}): Schema => ({
  type: "object",
  ...detail,
  properties,
});
export const oneOf = (values: Readonly<Record<string, string>>, detail: Detail = {}): Schema =>
  text({ ...detail, enum: Object.values(values) });
