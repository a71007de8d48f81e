package synapse

import (
	"fmt"
	"reflect"
)

// Merge takes the fields of an answer over into the message that was sent, as a
// dendrite does. Frozen fields, the body hash and the name stay. Both are of one
// type; what they refer to is shared afterwards.
func Merge(m, answer Message) error {
	s, err := schemaOf(m)
	if err != nil {
		return err
	}
	if reflect.TypeOf(m) != reflect.TypeOf(answer) {
		return fmt.Errorf("synapse: an answer of type %T for a %T", answer, m)
	}
	hash := m.Base().ComputedBodyHash()
	*m.Base() = answer.Base().effective()
	m.Base().Name, m.Base().bodyHash = s.name, hash
	to, from := reflect.ValueOf(m).Elem(), reflect.ValueOf(answer).Elem()
	for i := range s.model.fields {
		if f := &s.model.fields[i]; !f.frozen {
			to.FieldByIndex(f.index).Set(from.FieldByIndex(f.index))
		}
	}
	return nil
}
