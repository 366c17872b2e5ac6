/** Binary data. */
import type { BufferSource } from "./platform.ts";

export const isBytes = (value: unknown): value is BufferSource =>
  ArrayBuffer.isView(value) || hasTag(value, "ArrayBuffer");

/** Recognizes objects of another realm, such as a frame's, for which `instanceof` is false. */
export const hasTag = (value: unknown, tag: string): boolean =>
  Object.prototype.toString.call(value) === `[object ${tag}]`;

/** Decodes base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (fromBase64) return fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
