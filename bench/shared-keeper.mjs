/** The keeper's thread of the benches that use the packages as they are built. */
import { runRecordKeeper, sessionProjection } from "./shared-parts.mjs";

runRecordKeeper([sessionProjection]);
