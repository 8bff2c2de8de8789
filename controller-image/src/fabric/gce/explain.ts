// From what the API refused to what a person can do about it: a reason for programs and a sentence for the route's status.
// What Google's messages look like is taken from recorded traffic and from public reports; a message of another form is passed
// on as it is.
import type { CloudProblem } from "../cloud";
import { NOT_THERE_YET } from "./client";
import { ComputeError } from "./compute";
import { LOST } from "./exchange";
import { VANISHED } from "./operation";

export function problemOf(error: unknown): CloudProblem {
  if (!(error instanceof ComputeError)) return { reason: "CloudError", message: messageOf(error) };
  const said = error.message.replace(/ \([^()]*\)$/, "").replace(/\.$/, "");
  return (
    ofClient(error, said) ??
    ofQuota(error, said) ??
    ofAccess(error, said) ??
    ofUse(error, said) ??
    ofService(error, said) ??
    ofRequest(error, said)
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Status 0: what did not come from the API. */
function ofClient({ status, reason, call }: ComputeError, said: string): CloudProblem | undefined {
  if (status !== 0) return undefined;
  switch (reason) {
    case NO_CREDENTIALS:
      return { reason: "NoCredentials", message: `${said}.` };
    case LOST:
      return {
        reason: "CloudUnreachable",
        message: `The Compute API gives no answer (${said}); addresses go on leading where they lead. Look at the controller's way there: DNS, firewall, proxy, Private Google Access, googleCloudEndpoint.`,
      };
    case "unreachable":
      return {
        reason: "ZoneUnreachable",
        message: `The Compute API says that ${said}; what is there is not changed until it can.`,
      };
    case "operationUnfinished":
      return {
        reason: "CloudSlow",
        message: `The cloud has not finished ${call} (${said}); podpin looks again at what became of it.`,
      };
    case VANISHED:
      return {
        reason: "CloudSlow",
        message: `The cloud no longer says what became of ${call} (${said}); podpin looks again.`,
      };
    default:
      return { reason: "CloudError", message: `${said} (${call}).` };
  }
}

/** Reason of a call that was not sent, because there is nobody to send it as. */
export const NO_CREDENTIALS = "noCredentials";

function ofQuota({ reason, call }: ComputeError, said: string): CloudProblem | undefined {
  if (reason === "rateLimitExceeded" || reason === "userRateLimitExceeded") {
    return {
      reason: "RateLimited",
      message: `The project's calls to the Compute API are used up for this minute (${call}); podpin goes on with the next one. If it stays so, look for what else calls the API in this project, or ask for a higher rate.`,
    };
  }
  if (!/quota_?exceeded/i.test(reason)) return undefined;
  const [, metric, limit, where] = /Quota '([^']+)' exceeded\.\s+Limit: ([\d.]+)(?: (?:in )?([^.]+))?/.exec(said) ?? [];
  if (metric === undefined || limit === undefined) {
    return { reason: "QuotaExceeded", message: `A quota is used up: ${said}; ask for a higher one.` };
  }
  const place = where === undefined || where === "globally" ? "" : ` of ${where}`;
  return {
    reason: "QuotaExceeded",
    message: `The quota ${metric}${place} is used up (limit ${Number(limit)}); ask for a higher one, or give up something that counts in it.`,
  };
}

function ofAccess({ status, reason, call }: ComputeError, said: string): CloudProblem | undefined {
  if (status === 401) {
    return {
      reason: "CredentialsRefused",
      message: `Google Cloud does not accept the controller's token (${said}); look at its service account and at the binding of Workload Identity.`,
    };
  }
  if (status !== 403) return undefined;
  if (reason === "accessNotConfigured" || reason === "SERVICE_DISABLED" || /has not been used in project/.test(said)) {
    const [, project] = /in project (\S+)/.exec(said) ?? [];
    const flag = project === undefined ? "" : ` --project ${project}`;
    return {
      reason: "ApiDisabled",
      message: `The Compute Engine API is not enabled${project === undefined ? "" : ` in project ${project}`}; enable it: gcloud services enable compute.googleapis.com${flag}`,
    };
  }
  const missing = [...said.matchAll(/Required '([^']+)' permission for '([^']+)'/g)];
  if (missing.length === 0) {
    return {
      reason: "PermissionDenied",
      message: `Google Cloud refuses ${call}: ${said}; look at the roles of the controller's service account and at the policies of the organization.`,
    };
  }
  const lacks = missing.map(([, permission = "", resource = ""]) => `${permission} on ${resource}`).join(", ");
  return {
    reason: "PermissionDenied",
    message: `The controller's service account lacks ${lacks}; grant it, for example with the role that PersistentIpController declares.`,
  };
}

/** Who uses what. */
function ofUse({ reason }: ComputeError, said: string): CloudProblem | undefined {
  const address =
    /field 'resource\.IPAddress': '([^']+)'\. Specified IP address is in-use/.exec(said)?.[1] ??
    /IP '([^']+)' is already being used by another resource/.exec(said)?.[1];
  if (address !== undefined) {
    const user = /another resource '([^']+)'/.exec(said)?.[1] ?? "something else";
    const name = address.split("/").at(-1) ?? address;
    return {
      reason: "AddressInUse",
      message: `${name} is in use by ${user}; release it there, or take it off the route.`,
    };
  }
  if (!/^resource_?in_?use_?by_?another_?resource$/i.test(reason)) return undefined;
  const [, resource, user] = /resource '([^']+)' is already being used by '([^']+)'/.exec(said) ?? [];
  if (resource !== undefined && user !== undefined && /\/addresses\/[^/]+$/.test(resource)) {
    return {
      reason: "AddressInUse",
      message: `${resource} is in use by ${user}; release it there, or take it off the route.`,
    };
  }
  return {
    reason: "ResourceInUse",
    message:
      resource === undefined || user === undefined
        ? `Something is still in use: ${said}; podpin tries again until it is not.`
        : `${resource} is still used by ${user}; podpin tries again until it is not. If nobody needs that, delete it.`,
  };
}

function ofService({ status, call }: ComputeError, said: string): CloudProblem | undefined {
  if (status < 500 && status !== 429) return undefined;
  const zone = /(?:^| )zones\/([^/]+)/.exec(call)?.[1];
  return zone === undefined
    ? {
        reason: "CloudUnavailable",
        message: `The Compute API is not available (${status}: ${said}); addresses go on leading where they lead, and podpin tries again.`,
      }
    : {
        reason: "ZoneUnreachable",
        message: `Zone ${zone} does not answer (${status}: ${said}); what is there is not changed until it does.`,
      };
}

function ofRequest({ status, reason, call }: ComputeError, said: string): CloudProblem {
  if (reason === NOT_THERE_YET || /^resource_?not_?ready$/i.test(reason)) {
    return {
      reason: "CloudSlow",
      message: `${said} (${call}); podpin tries again until the cloud has finished with it.`,
    };
  }
  switch (status) {
    case 404: {
      const resource = /The resource '([^']+)' was not found/.exec(said)?.[1];
      return {
        reason: "ResourceNotFound",
        message:
          resource === undefined
            ? `${call}: ${said}.`
            : `${resource} does not exist; make it, or correct what refers to it.`,
      };
    }
    case 409:
      return {
        reason: "ResourceExists",
        message: `${said} (${call}); podpin leaves it alone. Delete it, if nobody needs it.`,
      };
    case 412:
      return {
        reason: "ChangedMeanwhile",
        message: `Somebody else has changed the same resource (${call}); podpin reads it and tries again.`,
      };
    default:
      return { reason: "RequestRefused", message: `Google Cloud refuses ${call}: ${said} (${status}).` };
  }
}
