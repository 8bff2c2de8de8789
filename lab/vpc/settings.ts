/** What the process that is the lab's cloud is told. */
export interface VpcSettings {
  readonly project: string;
  readonly region: string;
  readonly externalRange: string;
  /** That of the lab's segment. */
  readonly subnetwork: { readonly name: string; readonly cidr: string };
  /** How long operations take. */
  readonly operationMs: number;
  /** Where the API is served to everything in the lab. */
  readonly address: string;
  readonly port: number;
  readonly metadataAddress: string;
  /** Path of a socket with the same API, for whoever is outside of the lab's namespaces. */
  readonly socket: string;
  /** The router's interface to the nodes, and its table. */
  readonly device: string;
  readonly table: number;
}
