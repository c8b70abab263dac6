// The program of a keeper's thread for the tables of these tests.
import { runRecordKeeper } from "../src/index.ts";
import { eventsProjection } from "./events.ts";

runRecordKeeper([eventsProjection]);
