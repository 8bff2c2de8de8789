// What a Pod template needs so that ordinary programs in its Pods can use their addresses with delivery `app`.
//
// The kernel takes a packet for an address only where the address is its own, so an init container adds it, with
// NET_ADMIN and no other capability. On the primary network the Pod must also never ask for its neighbours in the name of
// the address (GKE docs, "Control communication with persistent IP addresses", read 2026-11): the sysctl arp_announce=2
// sees to that, which only the kubelet can set, since /proc/sys is read-only in a container without privileges. Where the
// node pool does not allow that, the init container pins the link-layer address of the Pod's gateway instead, so that the
// Pod never asks for it.
import { checkChoice } from "./choices";
import { DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK } from "./gke-api";
import { checkNetwork } from "./network";
import { type OrdinalRange, ordinalRange, type PodAddressOptions } from "./pinned-stateful-set";
import { DEFAULT_INTERFACE, podInterfaces } from "./pod-interfaces";
import { SETUP_CONTAINER, SETUP_POD_NAME, setupVariable } from "./pod-setup-template";
import type { PoolPlan } from "./pool";
import { Problems } from "./problems";

/** How a program in the Pod comes to use its addresses. */
export const PodSetupMethod = {
  /** An init container with the capability NET_ADMIN adds them to the interface. Works for every program. */
  AddAddress: "add-address",
  /**
   * Sockets may bind to addresses that the Pod does not have: needs no capability, but packets that arrive are for
   * programs that take them off the interface themselves, by raw sockets, transparent sockets or DPDK.
   */
  NonLocalBind: "nonlocal-bind",
} as const;
export type PodSetupMethod = (typeof PodSetupMethod)[keyof typeof PodSetupMethod];

/** What the set-up of a Pod template takes in both flavours besides its pool and its addresses. */
export interface PodSetupOptions extends PodAddressOptions {
  /**
   * Image of the init container, with `sh`, `sed` and `ip` of iproute2; podpin's own has them. Needed with
   * `add-address`. A later change rolls the Pods.
   *
   * @default - none
   */
  image?: string | undefined;
  /**
   * How a program in the Pod comes to use the addresses. A later change rolls the Pods.
   *
   * @default "add-address"
   */
  method?: PodSetupMethod | undefined;
  /**
   * The Pod's interface on that network. A later change rolls the Pods.
   *
   * @default - "eth0" on the primary network, else "eth1"
   */
  interfaceName?: string | undefined;
  /**
   * Whether the kubelets of the node pool allow the sysctls `net.ipv4.conf.*` (and `net.ipv4.ip_nonlocal_bind` with
   * `nonlocal-bind`): a `PersistentIpNodePool` with `allowedUnsafeSysctls: IN_POD_SYSCTLS`. A Pod that asks for one
   * elsewhere is rejected by its node. A later change rolls the Pods.
   *
   * @default false
   */
  unsafeSysctlsAllowed?: boolean | undefined;
}

export interface PodSetupInput extends PodSetupOptions {
  readonly pool: PoolPlan;
  readonly network?: string;
  /** Positions in the list of addresses below; absent where the Pods of a StatefulSet have one each. */
  readonly sharedCount?: number;
}

/** A sysctl of a Pod. */
export interface PodSysctl {
  /** Its name, for example `net.ipv4.conf.eth0.arp_announce`. */
  name: string;
  /** Its value. */
  value: string;
}

/** Addresses by the environment variable that brings them to the init container. */
export interface PodSetupPlan {
  readonly annotations: Record<string, string>;
  readonly sysctls: readonly PodSysctl[];
  /** Undefined where there is nothing to run. */
  readonly container?: {
    readonly image: string;
    readonly interfaceName: string;
    readonly pinGateway: boolean;
    /** Name of the variable, and the position in the pool or in the shared addresses. */
    readonly variables: readonly { readonly name: string; readonly position: number }[];
    readonly perOrdinal: boolean;
  };
}

/** Runs checks of a set-up and throws all that is wrong as one message. */
export function checkedPodSetup<T>(plan: (problems: Problems) => T): T {
  const problems = new Problems();
  const result = plan(problems);
  const message = problems.message("podSetup");
  if (message !== undefined) throw new Error(message);
  return result;
}

/** Plans the set-up of a Pod template. */
export function planPodSetup(input: PodSetupInput, problems: Problems): PodSetupPlan {
  const { network = DEFAULT_NETWORK, method = PodSetupMethod.AddAddress, unsafeSysctlsAllowed = false } = input;
  const primary = network === DEFAULT_NETWORK || network === LEGACY_DEFAULT_NETWORK;
  const interfaceName = input.interfaceName ?? (primary ? DEFAULT_INTERFACE : "eth1");
  checkNetwork(network, problems);
  checkChoice("method", method, PodSetupMethod, problems);
  if (!/^[a-z][a-z0-9]{0,14}$/.test(interfaceName)) {
    problems.add("interfaceName", interfaceName, 'use the name of the interface in the Pod, for example "eth1"');
  }
  const nonLocal = method === PodSetupMethod.NonLocalBind;
  if (nonLocal && !unsafeSysctlsAllowed) {
    problems.add(
      "method",
      method,
      'it needs the sysctl net.ipv4.ip_nonlocal_bind: allow it on the node pool and set unsafeSysctlsAllowed: true, or use "add-address"',
    );
  }
  if (!nonLocal && (input.image === undefined || input.image === "")) {
    problems.add(
      "image",
      input.image,
      "name an image with sh, sed and iproute2 for the init container, for example podpin's own",
    );
  }
  const variables = variablesOf(input, problems);
  const annotations = primary || problems.lines.length > 0 ? {} : podInterfaces([{ interfaceName, network }]);
  return {
    annotations,
    sysctls: [
      ...(nonLocal ? [{ name: "net.ipv4.ip_nonlocal_bind", value: "1" }] : []),
      ...(primary && unsafeSysctlsAllowed ? [{ name: `net.ipv4.conf.${interfaceName}.arp_announce`, value: "2" }] : []),
    ],
    ...(nonLocal
      ? {}
      : {
          container: {
            image: input.image ?? "",
            interfaceName,
            pinGateway: primary && !unsafeSysctlsAllowed,
            variables,
            perOrdinal: input.sharedCount === undefined,
          },
        }),
  };
}

function variablesOf(input: PodSetupInput, problems: Problems): { name: string; position: number }[] {
  if (input.sharedCount !== undefined) {
    if (input.sharedCount === 0) problems.add("addresses", [], "pass at least one address");
    for (const field of ["addressesPerPod", "startIndex", "replicas", "ordinals"] as const) {
      if (input[field] !== undefined) {
        problems.add(field, input[field], "addresses gives every Pod the same, leave one of the two out");
      }
    }
    return Array.from({ length: input.sharedCount }, (_, position) => ({ name: setupVariable(position), position }));
  }
  const { addressesPerPod = 1, startIndex = 0 } = input;
  const range: OrdinalRange | undefined = ordinalRange(input, problems);
  if (range === undefined) return [];
  return Array.from({ length: (range.to - range.from + 1) * addressesPerPod }, (_, index) => ({
    name: setupVariable(index % addressesPerPod, range.from + Math.floor(index / addressesPerPod)),
    position: startIndex + index,
  }));
}

/** An environment variable of the init container. */
export interface PodSetupVariable<Text> {
  /** Its name. */
  name: string;
  /** Its value, where it is the same in every Pod. */
  value?: Text;
  /** Where each Pod finds its own value. */
  valueFrom?: PodSetupVariableSource;
}

/** Where the value of a variable comes from. */
export interface PodSetupVariableSource {
  /** The field of the Pod. */
  fieldRef: PodSetupFieldRef;
}

/** A field of the Pod itself. */
export interface PodSetupFieldRef {
  /** Where it is, for example `metadata.name`. */
  fieldPath: string;
}

/** The init container. */
export interface PodSetupContainerObject<Text> {
  /** Its name in the Pod. */
  name: string;
  /** Its image. */
  image: string;
  /** What it runs. */
  command: string[];
  /** The addresses, as variables. */
  env: PodSetupVariable<Text>[];
  /** What it may do, and no more. */
  securityContext: PodSetupSecurityContext;
}

/** What the init container may do. */
export interface PodSetupSecurityContext {
  /** Always false. */
  allowPrivilegeEscalation: boolean;
  /** The one that setting up addresses takes. */
  capabilities: PodSetupCapabilities;
  /** Always true. */
  readOnlyRootFilesystem: boolean;
  /** False: the kernel gives capabilities to root alone. */
  runAsNonRoot: boolean;
  /** 0, root. */
  runAsUser: number;
}

/** The capabilities of the init container. */
export interface PodSetupCapabilities {
  /** `NET_ADMIN`. */
  add: string[];
  /** All others. */
  drop: string[];
}

/** The init containers of a plan: one, or none. */
export function setupContainers<Text>(
  plan: PodSetupPlan,
  addressAt: (position: number) => Text,
): PodSetupContainerObject<Text>[] {
  const { container } = plan;
  if (container === undefined) return [];
  return [
    {
      name: SETUP_CONTAINER,
      image: container.image,
      command: ["sh", "-euc", scriptOf(container)],
      env: [
        ...(container.perOrdinal
          ? [{ name: SETUP_POD_NAME, valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }]
          : []),
        ...container.variables.map(({ name, position }) => ({ name, value: addressAt(position) })),
      ],
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
        readOnlyRootFilesystem: true,
        // The kernel gives a capability in effect to root only; with all others dropped root is nobody in particular.
        runAsNonRoot: false,
        runAsUser: 0,
      },
    },
  ];
}

function scriptOf({ interfaceName, pinGateway, perOrdinal }: NonNullable<PodSetupPlan["container"]>): string {
  const variable = perOrdinal ? "ADDRESS_${ordinal}_$index" : "ADDRESS_$index";
  return [
    `interface=${interfaceName}`,
    ...(perOrdinal
      ? [
          "ordinal=${POD_NAME##*-}",
          'case "$ordinal" in *[!0-9]*) echo "$POD_NAME is no Pod of a StatefulSet" >&2; exit 1;; esac',
        ]
      : []),
    ...(pinGateway ? PIN_GATEWAY : []),
    "index=0",
    "while true; do",
    `  eval "address=\\\${${variable}:-}"`,
    '  [ -n "$address" ] || break',
    '  ip address replace "$address/32" dev "$interface"',
    "  index=$((index + 1))",
    "done",
  ].join("\n");
}

/** The kernel resolves the gateway in the name of the Pod's own address, since no other is there yet. */
const PIN_GATEWAY: readonly string[] = [
  'for gateway in $(ip -4 route show dev "$interface" | sed -n "s/.*via \\([0-9.]*\\).*/\\1/p" | sort -u); do',
  '  ip neighbour replace "$gateway" dev "$interface" use',
  "  tries=0",
  "  while true; do",
  '    mac=$(ip neighbour show to "$gateway" dev "$interface" | sed -n "s/.*lladdr \\([0-9a-f:]*\\).*/\\1/p")',
  '    [ -z "$mac" ] || break',
  "    tries=$((tries + 1))",
  '    [ "$tries" -lt 50 ] || { echo "the gateway $gateway does not answer on $interface" >&2; exit 1; }',
  "    sleep 0.1",
  "  done",
  '  ip neighbour replace "$gateway" lladdr "$mac" dev "$interface" nud permanent',
  "done",
];
