/** What an engine is and can do, asked once per connection: differences live here, not in ifs spread over the code. */
export interface EngineProfile {
  readonly product: "docker" | "podman" | "unknown";
  readonly version: string;
  readonly apiVersion: string;
  readonly os: string;
  readonly arch: string;
  /** Builds with BuildKit over the classic endpoint (`version=2`). */
  readonly buildkit: boolean;
  /** Reports the pushed digest in the stream. */
  readonly pushAux: boolean;
  /**
   * The digests that it tells of an image are what a registry said. Podman gives every image one of its own making, also
   * one that no registry has seen, and does not tell which is which.
   */
  readonly registryDigests: boolean;
  /**
   * Gives the labels of a request to the stage that is asked for, whichever it is. Podman gives an earlier one that is
   * cached the labels of the build that cached it.
   */
  readonly targetLabels: boolean;
  /** Keeps a Dockerfile's HEALTHCHECK in the image. */
  readonly healthcheck: boolean;
}
