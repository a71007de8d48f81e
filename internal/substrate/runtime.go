package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// runtimeVersion is what the runtime of a block calls itself.
type runtimeVersion struct {
	specName           string
	specVersion        uint32
	transactionVersion uint32
}

type runtimeKey struct {
	genesis Hash
	version runtimeVersion
}

// Runtime returns the runtime that decodes what is read at a block. It costs one small call for each block, and the
// metadata for each version that is not among the last few. Those who ask for the same thing at the same time share the
// calls, which go on when one of them gives up.
func (c *Client) Runtime(ctx context.Context, at Hash) (*Runtime, error) {
	genesis, err := c.Genesis(ctx)
	if err != nil {
		return nil, err
	}
	version, err := c.version(ctx, at)
	if err != nil {
		return nil, err
	}
	r, err := c.runtimes.get(ctx, runtimeKey{genesis, version}, func(ctx context.Context) (*Runtime, error) {
		metadata, err := c.metadata(ctx, at, version)
		if err != nil {
			return nil, err
		}
		return &Runtime{
			SpecName:           version.specName,
			SpecVersion:        version.specVersion,
			TransactionVersion: version.transactionVersion,
			Metadata:           metadata,
		}, nil
	})
	if err != nil {
		return nil, named(ctx, "metadata", err)
	}
	return r, nil
}

// version returns what the runtime of a block calls itself.
func (c *Client) version(ctx context.Context, at Hash) (runtimeVersion, error) {
	version, err := c.versions.get(ctx, at, func(ctx context.Context) (runtimeVersion, error) {
		return ask(ctx, c, query{method: "state_getRuntimeVersion", params: []any{at}, at: &at}, decodeRuntimeVersion)
	})
	if err != nil {
		return runtimeVersion{}, named(ctx, "state_getRuntimeVersion", err)
	}
	return version, nil
}

func (r *Runtime) version() runtimeVersion {
	return runtimeVersion{r.SpecName, r.SpecVersion, r.TransactionVersion}
}

// named gives a bare context error its place.
func named(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return contextError(ctx, op)
	}
	return err
}

// maxSpecName bounds what is kept for every block.
const maxSpecName = 128

func decodeRuntimeVersion(raw []byte) (runtimeVersion, error) {
	var w struct {
		SpecName           string  `json:"specName"`
		SpecVersion        *uint32 `json:"specVersion"`
		TransactionVersion uint32  `json:"transactionVersion"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return runtimeVersion{}, fmt.Errorf("runtime version: %w", err)
	}
	if w.SpecName == "" || w.SpecVersion == nil {
		return runtimeVersion{}, errors.New("runtime version: specName or specVersion is missing")
	}
	if len(w.SpecName) > maxSpecName {
		return runtimeVersion{}, fmt.Errorf("runtime version: a specName of %d bytes", len(w.SpecName))
	}
	return runtimeVersion{w.SpecName, *w.SpecVersion, w.TransactionVersion}, nil
}

// metadataVersion is the version of metadata that is asked for: the first that describes runtime APIs.
const metadataVersion = 15

// metadata reads the metadata of the runtime of a block: version 15, or 14 from a runtime that knows no other.
func (c *Client) metadata(ctx context.Context, at Hash, version runtimeVersion) (*scale.Metadata, error) {
	q := stateCall(at, "Metadata_metadata_at_version", scale.AppendUint32(nil, metadataVersion))
	metadata, err := ask(ctx, c, q, func(raw []byte) (*scale.Metadata, error) {
		b, err := decodeHex(raw)
		if err != nil {
			return nil, err
		}
		if len(b) == 1 && b[0] == 0 {
			return nil, nil // None: this version is not known
		}
		return version.check(scale.ParseOpaqueMetadata(b))
	})
	if metadata != nil || err != nil && KindOf(err) != KindMethodMissing {
		return metadata, err
	}
	return ask(ctx, c, query{method: "state_getMetadata", params: []any{at}, at: &at}, func(raw []byte) (*scale.Metadata, error) {
		b, err := decodeHex(raw)
		if err != nil {
			return nil, err
		}
		return version.check(scale.ParseMetadata(b))
	})
}

// check refuses metadata of another runtime, as a node would give that takes no notice of the block: what is decoded by it
// would be wrong, for as long as the runtime is kept. Metadata that does not say whose it is passes.
func (v runtimeVersion) check(m *scale.Metadata, err error) (*scale.Metadata, error) {
	if err != nil {
		return nil, err
	}
	name, spec, told, err := saysVersion(m)
	switch {
	case err != nil:
		return nil, fmt.Errorf("metadata: System.Version: %w", err)
	case told && (name != v.specName || spec != v.specVersion):
		return nil, fmt.Errorf("metadata of %.40q %d, not of %.40q %d", name, spec, v.specName, v.specVersion)
	}
	return m, nil
}

// saysVersion returns what metadata says of whose it is, if it does.
func saysVersion(m *scale.Metadata) (specName string, specVersion uint32, told bool, err error) {
	if constant, missing := m.Constant("System", "Version"); missing == nil {
		codec, misfit := scale.Bind[struct {
			SpecName    string `scale:"spec_name"`
			SpecVersion uint32 `scale:"spec_version"`
		}](m.Types, constant.Type)
		if misfit == nil {
			version, err := codec.Decode(constant.Value)
			return version.SpecName, version.SpecVersion, err == nil, err
		}
	}
	return "", 0, false, nil
}
