// Who the controller is to Google Cloud: tokens by Google's own library, which finds them in the metadata server of a VM or of
// GKE, or in the file that GOOGLE_APPLICATION_CREDENTIALS names. It is loaded when it is first needed, since most of what runs
// from the same bundle never is on Google Cloud.
import type { AuthClient, GoogleAuth } from "google-auth-library";

import { ComputeError } from "./compute";
import { NO_CREDENTIALS } from "./explain";

const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];

export class Credentials {
  #auth: GoogleAuth | undefined;

  /** @param project so that the library does not look for one with programs that the image does not have */
  constructor(private readonly project: string) {}

  /** Gives every request its token. Rejects with a {@link ComputeError} when there is nobody to be. */
  async client(): Promise<AuthClient> {
    const auth = await this.#library();
    try {
      return await auth.getClient();
    } catch (error) {
      await this.forget();
      throw noCredentials(String(error instanceof Error ? error.message : error));
    }
  }

  /** Where the API is: `googleapis.com`, unless the credentials are of another cloud of Google's. */
  async universe(): Promise<string> {
    const client = await this.client();
    const { Compute } = await import("google-auth-library");
    const auth = await this.#library();
    // The library takes a VM to be in Google's first universe, unless it is made to ask.
    return client instanceof Compute ? auth.getUniverseDomainFromMetadataServer() : auth.getUniverseDomain();
  }

  /** What was found is looked for anew, also a metadata server that was not there: GKE's comes up after the Pod. */
  async forget(): Promise<void> {
    this.#auth = undefined;
    const { gcpMetadata } = await import("google-auth-library");
    gcpMetadata.resetIsAvailableCache();
  }

  async #library(): Promise<GoogleAuth> {
    const { GoogleAuth } = await import("google-auth-library");
    return (this.#auth ??= new GoogleAuth({ scopes: SCOPES, projectId: this.project }));
  }
}

/** The metadata server is there and has no token for this Pod: trying again at once is of no use. */
export function refusedToken(status: number): ComputeError {
  return noCredentials(`the metadata server refuses a token with ${status}`);
}

function noCredentials(why: string): ComputeError {
  const advice =
    "on GKE bind the Kubernetes service account of the controller by Workload Identity Federation (PersistentIpController does), and let its node pool run with workloadMetadataConfig GKE_METADATA; elsewhere name a file of credentials in GOOGLE_APPLICATION_CREDENTIALS";
  const text = why
    .replace(/ Browse to https:\S+ for more information\.?$/, "")
    // What follows shows a piece of the file.
    .replace(/: [^:]*\bJSON\b[^]*$/, ": it is not JSON")
    .replace(/\.$/, "");
  return new ComputeError(`No credentials for Google Cloud: ${text}; ${advice}`, 0, NO_CREDENTIALS, "token");
}
