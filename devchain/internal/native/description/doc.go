// Package description holds what the development chain's runtime says about
// itself: its types, pallets, storage items, calls, events, errors, constants,
// runtime APIs and transaction extensions, for each spec version that it can
// play. [Load] reads them from the text files in runtime/, and
// [Runtime.Metadata] encodes them as Substrate metadata.
//
// Everything in the files is Subtensor's: names, indexes, hashers, layouts and
// defaults, taken from real metadata (specs 343 and 425, and of spec 475 what
// its published name tables show). Tests compare them with such metadata. A
// pallet, a call or an API that is missing here is one that the development
// chain does not have.
//
// # The files
//
// A line is a comment that starts with "#", or one of
//
//	pallet NAME INDEX PATH        what follows belongs to it; PATH is the Rust module of its calls, events and errors
//	storage NAME(HASHER TYPE, …): TYPE = DEFAULT
//	storage NAME: TYPE?           a value that may be absent, instead of having a default
//	constant NAME: TYPE = VALUE
//	call INDEX NAME(ARGUMENT: TYPE, …)
//	event INDEX NAME(TYPE, …)     or NAME{FIELD: TYPE, …}
//	error INDEX NAME
//	type PATH<PARAMETERS> as NAME = DEFINITION
//	api NAME VERSION bytes        what follows belongs to it
//	method NAME(ARGUMENT: TYPE, …) -> TYPE
//	extension NAME: TYPE + TYPE   the part in the extrinsic, and the part that is only signed
//
// Types and definitions are written as [scale.Builder] takes them; "as NAME"
// tells types apart that have the same path, and Name{0..3}([u8; {}]) stands for
// Name0([u8; 0]) to Name3([u8; 3]). Defaults and values are a decimal number or
// the encoded value as 0x…; the default of a default is zero, empty, None.
//
// At the end of a line "@FROM..TO" limits it to these spec versions; either
// side may be missing. An event or an error whose index is not the same in all
// of them has a list of indexes instead, one for each of [Eras].
package description
