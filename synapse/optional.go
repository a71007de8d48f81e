package synapse

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Optional is a value that may be absent, which is Python's None and JSON's
// null. The zero Optional is absent.
type Optional[T any] struct {
	Value   T
	Present bool
}

// Some returns a value that is present.
func Some[T any](value T) Optional[T] { return Optional[T]{Value: value, Present: true} }

// Get returns the value, and whether it is present.
func (o Optional[T]) Get() (T, bool) { return o.Value, o.Present }

// Or returns the value, or fallback when it is absent.
func (o Optional[T]) Or(fallback T) T {
	if o.Present {
		return o.Value
	}
	return fallback
}

// String returns the value as package fmt prints it, or "None".
func (o Optional[T]) String() string {
	if !o.Present {
		return None
	}
	return fmt.Sprint(o.Value)
}

// MarshalJSON writes the value or null.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.Present {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON reads a value or null.
func (o *Optional[T]) UnmarshalJSON(data []byte) error {
	*o = Optional[T]{}
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(data, &o.Value); err != nil {
		return err
	}
	o.Present = true
	return nil
}

// optional marks the type for the schema, which reads its two fields.
func (Optional[T]) optional() {}

type optionalMarker interface{ optional() }
