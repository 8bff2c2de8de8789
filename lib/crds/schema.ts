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

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description?: string;
}

export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
    };
    readonly scope: "Namespaced" | "Cluster";
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly schema: { readonly openAPIV3Schema: Schema };
      readonly subresources: { readonly status: object };
      readonly additionalPrinterColumns?: readonly PrinterColumn[];
      readonly selectableFields?: readonly { readonly jsonPath: string }[];
    }[];
  };
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
