// The SDK takes a stack trace of some twenty promises for each resource and formats every one of them, though it shows them
// only to those who look for promises that never end: about a third of what it takes to declare a resource.

/** The line that throws is told all the same, for the sake of what users hook into the declaration of a resource. */
const FRAMES = 1;
/** Of Node.js. Whoever asks for another one is after something. */
const USUAL_FRAMES = 10;

/**
 * Declares a resource, or registers outputs, where nobody will miss the traces: an error of the registration names the
 * resource, and the ten frames that it would have besides do not reach from inside a component to the user's own code. The
 * SDK finds out by other means from where a resource is declared.
 */
export function withShortTraces<T>(declare: () => T): T {
  if (Error.stackTraceLimit !== USUAL_FRAMES || process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) return declare();
  Error.stackTraceLimit = FRAMES;
  try {
    return declare();
  } finally {
    Error.stackTraceLimit = USUAL_FRAMES;
  }
}
