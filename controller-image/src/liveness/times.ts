// How often, and how long. The limit is what a verdict costs; everything else is chosen so that the limit can be short.

export interface WatchTimes {
  /** From one probe of a node to the next, while there are few nodes. */
  readonly intervalMs: number;
  /** Probes a second for nodes that have addresses; with more of these nodes each is asked less often. */
  readonly perSecond: number;
  /** The same for all others. */
  readonly othersPerSecond: number;
  /** An answer that takes longer makes a node suspect. */
  readonly answerMs: number;
  /** From one probe of a suspect to the next. */
  readonly retryMs: number;
  /** So long a node must have been silent before it counts as lost: longer than any process or machine may pause. */
  readonly limitMs: number;
  /** After this much of it others are asked. */
  readonly askAfterMs: number;
  /** From one question about a suspect to the next. */
  readonly askEveryMs: number;
  /** From one probe to the next of a node that is lost, or whose agent alone is silent. */
  readonly restMs: number;
  /** How late a timer may fire before the time counts as a pause of this process, which is nobody else's silence. */
  readonly lateMs: number;
}

/**
 * The limit stands 40 ms above the pause of 500 ms that must not cost a node its addresses. In those 40 ms fall four probes
 * of a suspect, so that a loss of 1 % each way adds one false verdict to six million such pauses.
 */
export const WATCH_TIMES: WatchTimes = {
  intervalMs: 20,
  perSecond: 3_000,
  othersPerSecond: 400,
  answerMs: 10,
  retryMs: 10,
  limitMs: 540,
  askAfterMs: 180,
  askEveryMs: 40,
  restMs: 200,
  lateMs: 15,
};

/** A replica that stands by asks less often; it takes over where the one that leads was on the lost node. */
export const STANDBY_TIMES: WatchTimes = { ...WATCH_TIMES, intervalMs: 100, perSecond: 1_000, othersPerSecond: 100 };

/** Nodes that are asked about a suspect. */
export const WITNESSES = 3;
/** Probes in a row that a witness must have seen unanswered before its word counts. */
export const WITNESSED_PROBES = 3;

/**
 * Probes in a row that show nothing newer of this node after which it takes itself for unheard: one less than a controller must
 * have sent in vain before it finds a node lost, as to the first of them it had no answer to lose yet. Fewer are lost answers,
 * or a controller that has slept.
 */
export const UNHEARD_PROBES = 3;

export interface IsolationTimes {
  /** Added to what the controller said when its next probe is due: after that long without it the peers are asked. */
  readonly askPeersAfterMs: number;
  /** From one round of questions to the next. */
  readonly askPeersEveryMs: number;
  /** The same once the node is isolated. */
  readonly restMs: number;
  /**
   * So long must nobody at all have been heard after somebody should have been: longer than all others may pause together, and
   * over before the controller, which counts from its first probe without an answer, gives the addresses to others. The same
   * for what was said here and nobody is known to have heard.
   */
  readonly windowMs: number;
  /** Probes that come closer together are one: no answer can have come in between. */
  readonly apartMs: number;
  /** From one request to the API server to the next. */
  readonly askApiEveryMs: number;
  readonly tickMs: number;
}

export const ISOLATION_TIMES: IsolationTimes = {
  askPeersAfterMs: 100,
  askPeersEveryMs: 20,
  restMs: 200,
  windowMs: 510,
  apartMs: 5,
  askApiEveryMs: 250,
  tickMs: 20,
};
