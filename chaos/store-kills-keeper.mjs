/** The keeper's thread of the proofs that use the session's store. */
import { loadSession, loadStorage } from "./store-parts.mjs";

const { runRecordKeeper } = await loadStorage();
const { sessionProjection } = await loadSession();
runRecordKeeper([sessionProjection]);
