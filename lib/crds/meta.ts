// Schemas of `metav1` types that several kinds embed.
import { list, oneOf, record, integer, type Schema, text } from "./schema";

const DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_SUBDOMAIN = `${DNS_LABEL}(\\.${DNS_LABEL})*`;

/** `metav1.Condition`, to the letter. */
const condition = record(
  {
    type: text({
      description: "What the condition is about.",
      maxLength: 316,
      pattern: `^(${DNS_SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`,
    }),
    status: oneOf({ True: "True", False: "False", Unknown: "Unknown" }, { description: "Whether it holds." }),
    observedGeneration: integer({
      description: "The metadata.generation that the condition speaks of; a lower one is out of date.",
      format: "int64",
      minimum: 0,
    }),
    lastTransitionTime: text({ description: "When status last changed.", format: "date-time" }),
    reason: text({
      description: "Why, as one word for programs.",
      minLength: 1,
      maxLength: 1024,
      pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    }),
    message: text({ description: "Why, for people.", maxLength: 32768 }),
  },
  { required: ["lastTransitionTime", "message", "reason", "status", "type"] },
);

export function conditions(description: string): Schema {
  return list(condition, {
    description,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
  });
}

/** `metav1.LabelSelector`. */
export function labelSelector(description: string): Schema {
  const requirement = record(
    {
      key: text({ description: "Key of the label." }),
      operator: text({ description: "In, NotIn, Exists or DoesNotExist." }),
      values: list(text(), {
        description: "At least one value with In and NotIn, none with Exists and DoesNotExist.",
        "x-kubernetes-list-type": "atomic",
      }),
    },
    { required: ["key", "operator"] },
  );
  return record(
    {
      matchLabels: {
        type: "object",
        description: "Labels that must all be there with these values.",
        additionalProperties: text(),
      },
      matchExpressions: list(requirement, {
        description: "Requirements that must all hold.",
        "x-kubernetes-list-type": "atomic",
      }),
    },
    { description, "x-kubernetes-map-type": "atomic" },
  );
}

export { DNS_LABEL, DNS_SUBDOMAIN };
