import type { Execution, Layer } from "../execution.ts";
import { waitFor } from "./wait.ts";

/** Waits for the call's turn, and says so. The place was taken before anything was written, and is given up at the very end. */
export const turn: Layer = async (execution, next) => {
  const { ticket, services } = execution;
  if (ticket.turn !== undefined) {
    const { running, waiting } = services.turns;
    execution.report({ message: `waiting for its turn (running: ${running}, waiting: ${waiting})` });
    await waitFor(execution, ticket.turn, "its turn");
  }
  return next();
};

/** Only for a call whose turn has not come yet. */
export function mustWait({ ticket }: Execution): boolean {
  return ticket.turn !== undefined;
}
