/** The notes, kept in memory: they end with the process. */
export function createNotes() {
  const notes = new Map();
  let next = 1;
  return {
    list: () => [...notes.values()],
    get: (id) => notes.get(id),
    add: (text) => {
      const note = { id: String(next++), text };
      notes.set(note.id, note);
      return note;
    },
    remove: (id) => notes.delete(id),
  };
}
