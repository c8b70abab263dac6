/** Loads an ES module. In a file of its own, because code that came out of V8's code cache (launch.ts) cannot import. */
export const importModule = (url: string): Promise<unknown> => import(url);
