package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	pylon "github.com/bittensor-pylon/pylon"
)

// question is what a rendered body answers.
type question uint8

const (
	askNeurons question = iota
	askValidators
	askCertificates
	askCommitments
	askCommitmentsV1
	askRevealedCommitments
	askPrices
	askEVMAssociations
	askIdentities
	askOpenAPI
)

// bodyKey names a rendered body. What is read at a block never changes, so that the block's hash, the subnet and the
// question say all.
type bodyKey struct {
	question question
	encoding encoding
	netuid   pylon.Netuid
	block    string // empty for what does not depend on the chain
}

// rendered is a body with its headers, ready to be written. It never changes.
type rendered struct {
	body     []byte
	length   []string // the values of the headers
	etag     []string
	encoding []string // nil for a plain body
}

// smallBody is the size in bytes below which compression is not worth its headers.
const smallBody = 1 << 10

var (
	varyEncoding = []string{"Accept-Encoding"}
	gzipEncoding = []string{"gzip"}
	zstdEncoding = []string{"zstd"}
)

// newRendered gives a body its headers. The tag is made from the very bytes, so that it is a strong one, different for
// each encoding.
func newRendered(body []byte, encoding []string) *rendered {
	sum := sha256.Sum256(body)
	return &rendered{
		body:     body,
		length:   []string{strconv.Itoa(len(body))},
		etag:     []string{`"` + hex.EncodeToString(sum[:12]) + `"`},
		encoding: encoding,
	}
}

// bodies keeps rendered bodies, plain and compressed, within a bound of memory. Each is made once, when it is first
// asked for, however many ask at the same time.
type bodies struct {
	cache  *otter.Cache[bodyKey, *rendered]
	limit  int64     // in bytes
	buffer sync.Pool // of *[]byte, to render into
}

// entryOverhead is about what an entry takes besides its body, in bytes.
const entryOverhead = 512

func newBodies(maxBytes int64) (*bodies, error) {
	cache, err := otter.New(&otter.Options[bodyKey, *rendered]{
		MaximumWeight: uint64(maxBytes),
		StatsRecorder: stats.NewCounter(),
		Weigher: func(_ bodyKey, r *rendered) uint32 {
			return uint32(min(len(r.body)+entryOverhead, 1<<31))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("server: RenderedBytes: %w", err)
	}
	return &bodies{cache: cache, limit: maxBytes, buffer: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// get returns the body of a key, in the key's encoding when that is worth it. render appends the plain body.
func (b *bodies) get(key bodyKey, render func([]byte) []byte) (*rendered, error) {
	if known, ok := b.cache.GetIfPresent(key); ok {
		return known, nil
	}
	return b.make(key, render)
}

// status tells how full it is.
func (b *bodies) status() CacheStatus {
	b.cache.CleanUp() // the size is behind by what nobody has looked at yet
	counted := b.cache.Stats()
	return CacheStatus{
		Name: "rendered answers", Bytes: int64(b.cache.WeightedSize()), Limit: b.limit, Entries: int64(b.cache.EstimatedSize()),
		Hits: counted.Hits, Misses: counted.Misses,
	}
}

func (b *bodies) make(key bodyKey, render func([]byte) []byte) (*rendered, error) {
	var load otter.LoaderFunc[bodyKey, *rendered]
	if key.encoding == identityCoding {
		load = func(context.Context, bodyKey) (*rendered, error) { return b.render(render), nil }
	} else {
		load = func(_ context.Context, key bodyKey) (*rendered, error) {
			plain := key
			plain.encoding = identityCoding
			from, err := b.get(plain, render) //nolint:contextcheck // see below
			if err != nil {
				return nil, err
			}
			return compress(from, key.encoding)
		}
	}
	// Neither rendering nor compressing waits for anything: no request's end has to stop it.
	return b.cache.Get(context.Background(), key, load)
}

func (b *bodies) render(render func([]byte) []byte) *rendered {
	buffer := b.buffer.Get().(*[]byte)
	*buffer = render((*buffer)[:0])
	body := bytes.Clone(*buffer) // exactly as large as it is counted
	b.buffer.Put(buffer)
	return newRendered(body, nil)
}

// compress returns the body in the encoding, or as it is when that saves nothing.
func compress(plain *rendered, to encoding) (*rendered, error) {
	if len(plain.body) < smallBody {
		return plain, nil
	}
	var packed []byte
	var err error
	name := gzipEncoding
	if to == zstdCoding {
		name = zstdEncoding
		packed, err = packZstd(plain.body)
	} else {
		packed, err = packGzip(plain.body)
	}
	if err != nil {
		return nil, fmt.Errorf("compressing with %s: %w", name[0], err)
	}
	if len(packed) >= len(plain.body) {
		return plain, nil
	}
	return newRendered(bytes.Clone(packed), name), nil
}

func packGzip(body []byte) ([]byte, error) {
	var out bytes.Buffer
	writer, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(body); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// zstdEncoder is safe for concurrent use as long as only EncodeAll is called, which needs no goroutine.
var zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
})

func packZstd(body []byte) ([]byte, error) {
	encoder, err := zstdEncoder()
	if err != nil {
		return nil, err
	}
	return encoder.EncodeAll(body, make([]byte, 0, len(body)/2)), nil
}

// writeRendered answers with a kept body, which it makes when it is asked for the first time.
func (x *exchange) writeRendered(key bodyKey, render func([]byte) []byte) error {
	key.encoding = pickEncoding(x.request.Header["Accept-Encoding"])
	r, err := x.server.bodies.get(key, render)
	if err != nil {
		return err
	}
	return x.writeBody(r)
}

// writeFresh is writeRendered for a body that is not worth keeping.
func (x *exchange) writeFresh(render func([]byte) []byte) error {
	r := x.server.bodies.render(render)
	if coding := pickEncoding(x.request.Header["Accept-Encoding"]); coding != identityCoding {
		var err error
		if r, err = compress(r, coding); err != nil {
			return err
		}
	}
	return x.writeBody(r)
}

// writeBody answers with a body, or with 304 when the client has it.
func (x *exchange) writeBody(r *rendered) error {
	header := x.writer.Header()
	header["Etag"] = r.etag
	header["Vary"] = varyEncoding
	if given := x.request.Header["If-None-Match"]; given != nil && matchesTag(given, r.etag[0]) {
		x.begin(http.StatusNotModified)
		return nil
	}
	header["Content-Type"] = jsonContent
	header["Content-Length"] = r.length
	if r.encoding != nil {
		header["Content-Encoding"] = r.encoding
	}
	x.begin(http.StatusOK)
	_, _ = x.writer.Write(r.body) // an error means that the client has gone
	return nil
}

// matchesTag tells whether an If-None-Match header names the tag. Weak and strong tags count as equal here.
func matchesTag(headers []string, tag string) bool {
	for _, header := range headers {
		for header != "" {
			var item string
			item, header, _ = strings.Cut(header, ",")
			item = strings.Trim(item, whitespace)
			if item == "*" || strings.TrimPrefix(item, "W/") == tag {
				return true
			}
		}
	}
	return false
}
