// What Rust's library says of a panic, and writes for programmers alone: a deployed module can do without, and neither the
// linker nor wasm-opt can tell.
import type binaryen from "binaryen";
import { Failure } from "./lib.ts";

/**
 * Where Rust ends a panic: functions of its libraries that never return. They trap at once instead, and say nothing: what
 * they would say is long, and may hold a part of what a caller sent.
 */
const endsPanic = new RegExp(
  [
    "^core::panicking::",
    "^core::option::(unwrap|expect)_failed",
    "^core::result::unwrap_failed",
    "^core::slice::index::slice_index_fail",
    "^core::str::slice_error_fail",
    "^core::cell::panic_already",
    "^alloc::raw_vec::(handle_error|capacity_overflow)",
    "^alloc::alloc::handle_alloc_error",
    "^std::panicking::(default_hook|panic_with_hook|panic_handler)",
    "^std::thread::local::panic_access_error",
    "::insert_mut::assert_failed$",
    "^__rustc::(rust_begin_unwind|rust_panic)$",
  ].join("|"),
);

/**
 * What Rust writes for programmers (`{:?}`), and fractions: no answer has either. The log has a `JsValue` so; else it is
 * panics, and serde on a value of a wrong type, that reach them. They write nothing instead, which is no error.
 */
const writesForNobody =
  /^<f64 as core::fmt::Display>::fmt$|^<(?!.*JsValue).* as core::fmt::Debug>::fmt(::h\w+|\.\d+)?$/;

/** Gives these functions bodies that say nothing: what is reached from nowhere any more, wasm-opt removes. */
export function silence(library: typeof binaryen, module: binaryen.Module): void {
  const functions = Array.from({ length: module.getNumFunctions() }, (_, index) =>
    library.getFunctionInfo(module.getFunctionByIndex(index)),
  );
  const bodies: [RegExp, () => number][] = [
    [endsPanic, () => module.unreachable()],
    [writesForNobody, () => module.i32.const(0)],
  ];
  for (const [names, body] of bodies) {
    const found = functions.filter(({ name }) => names.test(name.replace(/\[\w+\]/g, "")));
    // The names of Rust's library are no promise.
    if (found.length === 0) throw new Failure(`no function has a name like ${names.source}`);
    for (const { name, params, results } of found) {
      module.removeFunction(name);
      module.addFunction(name, params, results, [], body());
    }
  }
}

/** A module's JavaScript without what the module no longer asks for. */
export function withoutUnused(script: string, wasm: Buffer<ArrayBuffer>): string {
  const imported = new Set(WebAssembly.Module.imports(new WebAssembly.Module(wasm)).map(({ name }) => name));
  return script.replace(/^ {8}(\w+): function\([^]*?^ {8}\},\n/gm, (whole, name: string) =>
    imported.has(name) ? whole : "",
  );
}
