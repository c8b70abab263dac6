/** A folder that is gone after the test. */
export declare const tempFolder: () => string;
