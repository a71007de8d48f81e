// Package scale turns SCALE bytes into Go values and back, as the metadata of a Substrate runtime describes them.
//
// # Parts
//
//   - [Reader] and the Append functions are the plain encoding: integers, compact integers, byte vectors.
//   - [Registry] holds the types of one runtime. It comes from [ParseMetadata] (versions 14, 15 and 16), or from a
//     [Builder] where types are written as text because no metadata describes them.
//   - [Bind] joins a Go type and a described type by field name, once for each runtime. The resulting [Codec] decodes
//     quickly and skips what the Go type does not ask for. A field that a runtime upgrade added, moved or dropped
//     never shifts the others, and one that is wanted and gone is a [BindError].
//   - [Registry.DecodeValue] and [Registry.AppendValue] work without a Go type, on JSON-like values; see "Values".
//   - [Metadata] names storage items, constants, calls, runtime APIs, errors and extensions; it makes storage keys and
//     calls, and decodes extrinsics, events and dispatch errors. Nothing in it is found by a number written in code.
//
// # Hostile input
//
// Bytes come from nodes that nobody vouches for, and so does the metadata that describes them. Every length is checked
// against the bytes that are left before anything is allocated; nesting is limited; a type that takes no bytes cannot
// be repeated without limit, because each decode may build only a number of values in proportion to its input; every
// value must be consumed to the last byte. What is read strictly: booleans are 0 or 1, compact integers are in their
// shortest form, text is UTF-8, a variant exists. What is skipped is not looked at beyond finding its end.
//
// # Values
//
// A decoded value without a Go type is one of these:
//
//	bool                          bool
//	u8 … u64, their Compact       uint64
//	i8 … i64                      int64
//	u128, u256, i128, i256        *big.Int
//	str                           string
//	char                          string of one character
//	Vec<u8>, [u8; N]              Bytes, in JSON "0x…"
//	Vec<T>, [T; N], tuples        []any
//	struct with named fields      Object, in the order of the chain
//	struct with unnamed fields    []any; with exactly one, the value of that field; with none, an empty []any
//	enum                          Enum, in JSON "Name" or {"Name": value}
//	Option<T>                     nil or the value; the Some of an Option<Option<T>> is an Enum, to keep them apart
//	bit sequence                  Bits, in JSON "0b…"
//
// The fields of an enum's variant follow the rules for structs, and a variant without fields has the value nil.
// [Registry.AppendValue] takes the same values and besides what JSON makes of them (map[string]any, json.Number,
// numbers as decimal strings, bytes as "0x…", a variant as "Name" or {"Name": value}) and any Go type that [Bind]
// takes. Integers are range-checked, fields must be complete, and unknown names are errors.
package scale
