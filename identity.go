package pylon

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Identities maps the names of the identities that a service keeps to the subnet each works on, in the order of the
// service's configuration.
type Identities []Identity

// Identity is a wallet's hotkey at work on one subnet, known to the service's users by name.
type Identity struct {
	Name   string
	Netuid Netuid
}

// AppendJSON appends the identities in their JSON form, an object from names to netuids in the order of the list.
func (ids Identities) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"identities":{`...)
	for i, identity := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, identity.Name)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(identity.Netuid), 10)
	}
	return append(dst, "}}"...)
}

// MarshalJSON returns what AppendJSON appends.
func (ids Identities) MarshalJSON() ([]byte, error) { return ids.AppendJSON(nil), nil }

// UnmarshalJSON reads identities and keeps the order of the object. A name that is there twice is an error.
func (ids *Identities) UnmarshalJSON(data []byte) error {
	var body struct {
		Identities json.RawMessage `json:"identities"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return fmt.Errorf("pylon: identities: %w", err)
	}
	var read Identities
	seen := make(map[string]struct{})
	err := eachMember(body.Identities, func(key string, value *json.Decoder) error {
		var netuid *Netuid
		if err := value.Decode(&netuid); err != nil {
			return err
		}
		if netuid == nil {
			return errors.New("its netuid is null")
		}
		if _, twice := seen[key]; twice {
			return errors.New("it is there twice")
		}
		seen[key] = struct{}{}
		read = append(read, Identity{Name: key, Netuid: *netuid})
		return nil
	})
	if err != nil {
		return fmt.Errorf("pylon: identities: %w", err)
	}
	*ids = read
	return nil
}
