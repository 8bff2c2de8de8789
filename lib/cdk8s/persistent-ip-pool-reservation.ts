import type { ReservationOptions } from "../model/pool-reservation";

/** What a {@link PersistentIpPool} that reserves its addresses takes. */
export interface PersistentIpPoolReservationProps extends ReservationOptions {
  /**
   * Values to ask for, one for each address, each once: nothing that Google decides is known at synthesis. Of internal
   * addresses any that is free in the subnetwork; of external ones Google gives out by value at most those that the
   * project holds already or that are in `ipCollection`. More may be appended later; a value cannot be changed, so remove
   * its object first.
   */
  readonly addresses?: string[] | undefined;
  /**
   * Region that owns the addresses, for example `us-central1`; it must be that of the cluster. Fixed after creation:
   * Config Connector refuses a change.
   *
   * @default - the region of `cluster`; required without it
   * @see https://cloud.google.com/compute/docs/ip-addresses
   */
  readonly region?: string | undefined;
  /**
   * Project that owns the addresses; it must be that of the cluster. Fixed after creation.
   *
   * @default - the project of `cluster`, else the one that Config Connector knows for the namespace
   */
  readonly project?: string | undefined;
  /**
   * With `addressType: "INTERNAL"`: the subnetwork whose primary range has the addresses, by self link or as
   * `projects/<project>/regions/<region>/subnetworks/<name>`. It is that of the cluster's nodes, or that of the additional
   * network which the routes name. Fixed after creation.
   *
   * @default - none; required for internal addresses
   */
  readonly subnetwork?: string | undefined;
  /**
   * Primary range of `subnetwork`, for example `10.0.0.0/20`: the addresses are checked against it. It declares nothing.
   *
   * @default - no check
   */
  readonly subnetworkRange?: string | undefined;
  /**
   * Bring your own addresses: the public delegated prefix from which to reserve, by self link or as
   * `regions/<region>/publicDelegatedPrefixes/<name>`. The prefix must support enhanced IPv4 allocation. Fixed after
   * creation.
   *
   * @default - addresses of Google
   * @see https://cloud.google.com/vpc/docs/bring-your-own-ip
   */
  readonly ipCollection?: string | undefined;
  /**
   * Labels of the addresses in Google Cloud, and of their objects. A later change takes effect in place.
   *
   * @default - none
   */
  readonly labels?: Record<string, string> | undefined;
}
