// Package lua runs the Lua scripts that explain kinds: those that users write into
// ResourceInterpreterCustomizations, and those that come with the program. It compiles a script once,
// runs it many times, and makes layers of an interpreter out of scripts.
//
// A script is hostile until proved otherwise. It sees no file, clock, process or other script, it
// gives the same answer for the same arguments, and it leaves nothing behind: each run has globals of
// its own. What it may use is counted, not timed: one step for an instruction, more for an operation
// that does more, and bytes for what it makes. When either is used up the run ends, and no pcall stops
// that. The virtual machine is github.com/yuin/gopher-lua; it counts nothing by itself, so
//
//   - each instruction asks the meter, which poses as the machine's context, whether to go on;
//   - before compilation the syntax tree is rewritten so that what costs more than an instruction
//     (joining and comparing strings, making tables and functions, writing into tables, taking lengths,
//     passing varargs on) calls a function of this package that charges for it first;
//   - the libraries are this package's own and charge for what they do.
//
// The package knows no customization's life: it does not follow objects, log, or retry.
package lua
