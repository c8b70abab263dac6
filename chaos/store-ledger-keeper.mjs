/** The keeper's thread of the proofs: see store-ledger.mjs. */
import { ledgerProjection } from "./store-ledger.mjs";
import { loadStorage } from "./store-parts.mjs";

const { runRecordKeeper } = await loadStorage();
runRecordKeeper([ledgerProjection]);
