// The network under the heartbeats: UDP for what is said, and TCP to knock at a kernel.
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { connect } from "node:net";
import { HEARTBEAT_PORT } from "../../../lib/model/runtime";
import type { Clock, Log } from "../kube/api";
import { errorText } from "../kube/log";
import { NONCE_BYTES, nonceOf } from "./message";
import { MAX_DATAGRAM_BYTES } from "./seal";

export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Wire {
  /** What cannot be sent is lost, like what gets lost on its way. */
  send(datagram: Buffer, to: Address): void;
  /** Calls back when everything that has arrived by now has been handed over. */
  afterArrived(callback: () => void): void;
  /**
   * Asks a machine's kernel for a connection and calls back when it says yes or no: the kernel runs, whatever has become of
   * its processes. A machine that is gone says nothing.
   */
  knock(address: string, onAnswer: () => void): void;
  close(): void;
}

export type OpenWire = (onDatagram: (datagram: Buffer, from: Address) => void) => Wire;

export interface UdpOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where to listen. @default anywhere, at a port that is free */
  readonly local?: Address;
  /** Port to knock at. @default {@link HEARTBEAT_PORT}: nobody listens there, and so the kernel itself refuses */
  readonly knockPort?: number;
}

const REOPEN_MS = 1_000;
const KNOCK_PATIENCE_MS = 500;
const MAX_KNOCKS = 256;
/** The system's own limit holds; what it allows is a second's answers of a large cluster. */
const RECEIVE_BUFFER_BYTES = 4 << 20;
/** The event loop takes a few dozen datagrams a turn; so many turns are waited for at most. */
const MAX_TURNS = 16;
/** What a kernel says that is there: it took the connection, or refused it. */
const REFUSALS = new Set(["ECONNREFUSED", "ECONNRESET"]);

/** Opens a socket, and another one whenever it fails. */
export function udpWire({ clock, log, local, knockPort = HEARTBEAT_PORT }: UdpOptions): OpenWire {
  return (onDatagram) => {
    let socket: Socket | undefined;
    let cancel: (() => void) | undefined;
    let closed = false;
    let received = 0;
    let knocks = 0;
    let failure: string | undefined;

    const open = (): void => {
      const opened = createSocket({ type: "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES, lookup: literally });
      opened.on("message", (datagram, { address, port }) => {
        received++;
        if (datagram.length <= MAX_DATAGRAM_BYTES) onDatagram(datagram, { address, port });
      });
      opened.on("error", (error) => {
        if (closed) return;
        if (socket === opened) socket = undefined;
        opened.close();
        if (failure !== error.message) log("error", "the socket for heartbeats failed; another is opened", { error });
        failure = error.message;
        cancel = clock.after(REOPEN_MS, open);
      });
      opened.bind({ address: local?.address, port: local?.port ?? 0 }, () => {
        if (failure !== undefined) log("info", "the socket for heartbeats is open");
        failure = undefined;
        socket = opened;
      });
      opening = opened;
    };
    let opening: Socket;
    open();

    return {
      // A machine that is not there makes some sends fail; they say nothing that the silence does not.
      send: (datagram, { address, port }) => socket?.send(datagram, port, address, ignore),
      afterArrived: (callback) => {
        const turn = (left: number): void => {
          const before = received;
          // Sockets are read between timers and immediates.
          setImmediate(() => (received === before || left === 0 ? callback() : turn(left - 1)));
        };
        turn(MAX_TURNS);
      },
      knock: (address, onAnswer) => {
        if (knocks >= MAX_KNOCKS || closed) return;
        knocks++;
        const connection = connect({ host: address, port: knockPort });
        const giveUp = clock.after(KNOCK_PATIENCE_MS, () => connection.destroy());
        connection.on("connect", () => {
          onAnswer();
          connection.destroy();
        });
        connection.on("error", (error: NodeJS.ErrnoException) => {
          if (error.code !== undefined && REFUSALS.has(error.code)) onAnswer();
        });
        connection.on("close", () => {
          knocks--;
          giveUp();
        });
      },
      close: () => {
        closed = true;
        cancel?.();
        try {
          opening.close();
        } catch (error) {
          log("debug", "the socket for heartbeats was closed already", { error: errorText(error) });
        }
      },
    };
  };
}

/** Only addresses are ever given, so there is nothing to be looked up. */
function literally(
  address: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, address, 4);
}

const ignore = (): void => undefined;

/** Numbers that are used once. */
export function randomNonce(): number {
  return nonceOf(randomBytes(NONCE_BYTES));
}
