/** The keeper's thread: brings the journals into the tables, off the path of any call. See `openStorage`. */
import { sessionProjection } from "@container-kit/session";
import { runRecordKeeper } from "@container-kit/storage";

runRecordKeeper([sessionProjection]);
