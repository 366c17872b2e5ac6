/**
 * Types of the platform. They do not require the DOM library of TypeScript: each is the global type if there is one (of
 * the DOM, Node or Workers), and a description of the members that the package uses otherwise.
 */

type Global<Name extends string, Otherwise> =
  typeof globalThis extends Record<Name, { prototype: infer Type }> ? Type : Otherwise;

export type AbortSignal = Global<
  "AbortSignal",
  {
    readonly aborted: boolean;
    readonly reason: unknown;
    addEventListener(type: "abort", listener: () => void): void;
    removeEventListener(type: "abort", listener: () => void): void;
  }
>;

export type URL = Global<"URL", { readonly href: string; toString(): string }>;

export type URLSearchParams = Global<
  "URLSearchParams",
  { append(name: string, value: string): void; toString(): string }
>;

export type Response = Global<
  "Response",
  {
    readonly ok: boolean;
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    readonly body: ReadableStream<Uint8Array> | null;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    arrayBuffer(): Promise<ArrayBuffer>;
  }
>;

export type Request = Global<"Request", { readonly url: string }>;

export type Blob = Global<
  "Blob",
  { readonly size: number; stream(): ReadableStream<Uint8Array>; arrayBuffer(): Promise<ArrayBuffer> }
>;

/** A `ReadableStream`. */
export interface ReadableStream<Chunk> {
  readonly locked: boolean;
  getReader(): {
    read(): Promise<{ done: boolean; value?: Chunk | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

/** Bytes. */
export type BufferSource = ArrayBuffer | ArrayBufferView;

/** A compiled module: `WebAssembly.Module`. */
export type WasmModule = object;
