/** What the thread of the keeper and the thread that started it say to each other: plain data. */
import type { LogLevel } from "@container-kit/observability";
import type { SeenTime } from "./certain-time.ts";
import type { SkippedLines } from "./ingester.ts";
import type { StoreLocation } from "./location.ts";
import type { Retention } from "./types.ts";

/** What the keeper is given at its start. */
export interface KeeperData {
  readonly location: StoreLocation;
  readonly ownJournal: string;
  readonly busyTimeoutMs: number;
  readonly retention: Retention;
  readonly seen: SeenTime;
  /** When the daily work first looks whether it is due, and how often then. */
  readonly dailyEveryMs: number;
}

/** To the keeper: bring in what is there; do so and answer; end. */
export type KeeperOrder =
  | { readonly do: "soon" }
  | { readonly do: "catchUp"; readonly number: number }
  | { readonly do: "close" };

/** From the keeper. */
export type KeeperReport =
  | { readonly said: "caughtUp"; readonly number: number; readonly ok: boolean }
  | { readonly said: "skipped"; readonly skipped: SkippedLines }
  | { readonly said: "damage"; readonly file: string; readonly damage: string }
  | { readonly said: "failed"; readonly message: string; readonly code: string | undefined }
  | {
      readonly said: "log";
      readonly level: Exclude<LogLevel, "silent">;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
