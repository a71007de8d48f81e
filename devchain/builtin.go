package devchain

import (
	"encoding/binary"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// builtin answers the runtime APIs that every runtime has and that follow from
// its Version and Metadata.
func (n *Node) builtin(rt runtime.Runtime, name string, args []byte) ([]byte, bool) {
	switch name {
	case "Core_version":
		return encodeVersion(rt.Version()), true
	case "Metadata_metadata":
		metadata, ok := rt.Metadata(14)
		return scale.AppendByteVec(nil, metadata), ok
	case "Metadata_metadata_versions":
		var versions []byte
		count := uint64(0)
		for version := uint32(14); version <= newestMetadata; version++ {
			if _, ok := rt.Metadata(version); ok {
				versions = scale.AppendUint32(versions, version)
				count++
			}
		}
		return append(scale.AppendCompact(nil, count), versions...), true
	case "Metadata_metadata_at_version":
		if len(args) != 4 {
			return nil, false
		}
		metadata, ok := rt.Metadata(binary.LittleEndian.Uint32(args))
		if !ok {
			return []byte{0}, true
		}
		return scale.AppendByteVec([]byte{1}, metadata), true
	}
	return nil, false
}

// newestMetadata is the newest version that is asked for when versions are
// listed.
const newestMetadata = 16

// encodeVersion is sp-version's RuntimeVersion in SCALE.
func encodeVersion(v runtime.Version) []byte {
	out := scale.AppendString(nil, v.SpecName)
	out = scale.AppendString(out, v.ImplName)
	out = scale.AppendUint32(out, v.AuthoringVersion)
	out = scale.AppendUint32(out, v.SpecVersion)
	out = scale.AppendUint32(out, v.ImplVersion)
	out = scale.AppendCompact(out, uint64(len(v.APIs)))
	for _, api := range v.APIs {
		out = append(out, api.ID[:]...)
		out = scale.AppendUint32(out, api.Version)
	}
	out = scale.AppendUint32(out, v.TransactionVersion)
	return append(out, v.StateVersion)
}
