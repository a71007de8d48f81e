package wallet

import (
	"crypto/rand"
	"runtime"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/oasisprotocol/curve25519-voi/primitives/merlin"
)

// Verifier checks sr25519 signatures as Verify does, and faster where there are
// many: it remembers the public keys of good signatures in a form that is quick
// to compute with, and checks signatures that come at the same time together,
// which costs half or less. A server keeps one. It is safe for concurrent use
// and has no goroutines of its own.
type Verifier struct {
	maxKeys, workers int

	mu   sync.RWMutex
	keys map[[32]byte]*verifyingKey // guarded by mu

	queue struct {
		sync.Mutex
		jobs    []*verification // guarded by the mutex
		working int             // guarded by the mutex; callers that check a batch
	}
}

const (
	// defaultKeys is how many public keys a Verifier remembers; each takes about
	// 3 KB.
	defaultKeys = 1024
	// maxBatch is how many signatures are checked together. More gain little.
	maxBatch = 64
)

// NewVerifier returns a Verifier that remembers at most maxKeys public keys; 0
// means 1024, of about 3 KB each.
func NewVerifier(maxKeys int) *Verifier {
	if maxKeys <= 0 {
		maxKeys = defaultKeys
	}
	return &Verifier{maxKeys: maxKeys, workers: runtime.GOMAXPROCS(0), keys: make(map[[32]byte]*verifyingKey)}
}

// verifyingKey is a decoded public key, and its negative with the multiples
// that make multiplying it fast.
type verifyingKey struct {
	compressed [32]byte
	negative   *curve.ExpandedRistrettoPoint
	kept       bool
}

// verification is a signature to be checked: s·B - k·A must be R.
type verification struct {
	key  *verifyingKey
	k, s scalar.Scalar
	r    curve.RistrettoPoint
	good bool
	wake chan bool // whether the job is decided; otherwise its caller is to work
}

// verifications are jobs to be used again. Nobody else refers to a job any more
// when check has returned.
var verifications = sync.Pool{New: func() any { return &verification{wake: make(chan bool, 1)} }}

// Verify tells whether signature is an sr25519 signature of message by the owner
// of a public key. It refuses the all-zero public key.
func (v *Verifier) Verify(pub [32]byte, message []byte, signature [64]byte) bool {
	job := verifications.Get().(*verification)
	defer job.release()
	if !job.decode(pub, message, signature) {
		return false
	}
	if job.key = v.key(pub); job.key == nil {
		return false
	}
	v.check(job)
	if job.good && !job.key.kept {
		v.keep(job.key)
	}
	return job.good
}

func (j *verification) release() {
	j.key, j.good = nil, false
	verifications.Put(j)
}

// check decides a job, together with those of others. There are as many callers
// at work as processors; who comes when all are busy waits in the queue, until
// somebody at work has decided his job too, or leaves the work to him.
func (v *Verifier) check(job *verification) {
	q := &v.queue
	q.Lock()
	if q.working == v.workers {
		q.jobs = append(q.jobs, job)
		q.Unlock()
		if decided := <-job.wake; decided {
			return
		}
	} else {
		q.working++
		q.Unlock()
		runtime.Gosched() // others that are ready to run may have signatures too
	}

	var jobs [maxBatch]*verification
	jobs[0] = job
	q.Lock()
	n := copy(jobs[1:], q.jobs) + 1
	q.jobs = append(q.jobs[:0], q.jobs[n-1:]...)
	q.Unlock()
	checkBatch(jobs[:n])
	for _, j := range jobs[1:n] {
		j.wake <- true
	}

	q.Lock()
	defer q.Unlock()
	if len(q.jobs) == 0 {
		q.working--
		return
	}
	q.jobs[0].wake <- false
	q.jobs = append(q.jobs[:0], q.jobs[1:]...)
}

// checkBatch decides each job. Where all are good, which is the rule, that takes
// one computation.
func checkBatch(jobs []*verification) {
	switch {
	case len(jobs) == 0:
	case len(jobs) == 1:
		jobs[0].good = jobs[0].check()
	case allGood(jobs):
		for _, j := range jobs {
			j.good = true
		}
	default:
		// Halves, so that one bad signature costs the others little.
		checkBatch(jobs[:len(jobs)/2])
		checkBatch(jobs[len(jobs)/2:])
	}
}

func (j *verification) check() bool {
	var difference curve.RistrettoPoint
	return difference.ExpandedTripleScalarMulBasepointVartime(&j.k, j.key.negative, &j.s, &j.r).IsIdentity()
}

// basepoint is B with its multiples.
var basepoint = sync.OnceValue(func() *curve.ExpandedRistrettoPoint {
	return curve.NewExpandedRistrettoPoint(curve.RISTRETTO_BASEPOINT_POINT)
})

// batch is the memory of allGood, to be used again.
type batch struct {
	random  [16 * maxBatch]byte
	weights [maxBatch]scalar.Scalar
	factors [maxBatch + 1]scalar.Scalar // of the basepoint and of each key
	keys    [maxBatch + 1]*verifyingKey

	// What the multiplication takes.
	ofPoints, ofStatic []*scalar.Scalar
	points             []*curve.RistrettoPoint
	static             []*curve.ExpandedRistrettoPoint
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) release() {
	clear(b.keys[:])
	clear(b.static)
	clear(b.points)
	b.ofPoints, b.ofStatic, b.points, b.static = b.ofPoints[:0], b.ofStatic[:0], b.points[:0], b.static[:0]
	batches.Put(b)
}

// allGood checks the sum of R - s·B + k·A over all jobs, each multiplied by a
// random number of 128 bits, without which bad ones could cancel out each other.
func allGood(jobs []*verification) bool {
	b := batches.Get().(*batch)
	defer b.release()
	_, _ = rand.Read(b.random[:16*len(jobs)]) // never fails
	b.factors[0].Zero()
	b.static = append(b.static, basepoint())
	for i, j := range jobs {
		var wide [32]byte
		copy(wide[:], b.random[16*i:16*(i+1)])
		weight := &b.weights[i]
		if _, err := weight.SetCanonicalBytes(wide[:]); err != nil {
			return false // 128 bits are below the order
		}
		var product scalar.Scalar
		b.factors[0].Sub(&b.factors[0], product.Mul(weight, &j.s))
		at := 1
		for at < len(b.static) && b.keys[at] != j.key {
			at++
		}
		if at == len(b.static) {
			b.keys[at] = j.key
			b.factors[at].Zero()
			b.static = append(b.static, j.key.negative)
		}
		b.factors[at].Sub(&b.factors[at], product.Mul(weight, &j.k)) // of -A
		b.ofPoints = append(b.ofPoints, weight)
		b.points = append(b.points, &j.r)
	}
	for at := range b.static {
		b.ofStatic = append(b.ofStatic, &b.factors[at])
	}
	var sum curve.RistrettoPoint
	return sum.ExpandedMultiscalarMulVartime(b.ofStatic, b.static, b.ofPoints, b.points).IsIdentity()
}

// decode reads a signature and tells whether it is one.
func (j *verification) decode(pub [32]byte, message []byte, signature [64]byte) bool {
	// The uppermost bit tells an sr25519 signature from one of ed25519.
	if pub == ([32]byte{}) || signature[63]&0x80 == 0 {
		return false
	}
	signature[63] &= 0x7f
	if _, err := j.s.SetCanonicalBytes(signature[32:]); err != nil {
		return false
	}
	compressed := curve.CompressedRistretto(signature[:32])
	if _, err := j.r.SetCompressed(&compressed); err != nil {
		return false
	}
	challenge(&j.k, pub, message, signature[:32])
	return true
}

// signingTranscript is what every signature begins with.
var signingTranscript = sync.OnceValue(func() *merlin.Transcript {
	t := merlin.NewTranscript("SigningContext")
	t.AppendMessage("", []byte("substrate"))
	return t
})

// challenge sets k to the number that schnorrkel makes of a message, a key and R.
func challenge(k *scalar.Scalar, pub [32]byte, message, r []byte) {
	t := *signingTranscript() // the copy that Clone makes, without an allocation
	t.AppendMessage("sign-bytes", message)
	t.AppendMessage("proto-name", []byte("Schnorr-sig"))
	t.AppendMessage("sign:pk", pub[:])
	t.AppendMessage("sign:R", r)
	var wide [64]byte
	t.ExtractBytes(wide[:], "sign:c")
	if _, err := k.SetBytesModOrderWide(wide[:]); err != nil {
		panic("wallet: " + err.Error()) // only for another length
	}
}

// key returns a decoded public key, or nil for bytes that are none.
func (v *Verifier) key(pub [32]byte) *verifyingKey {
	v.mu.RLock()
	known := v.keys[pub]
	v.mu.RUnlock()
	if known != nil {
		return known
	}
	var (
		compressed      curve.CompressedRistretto
		point, negative curve.RistrettoPoint
	)
	copy(compressed[:], pub[:])
	if _, err := point.SetCompressed(&compressed); err != nil {
		return nil
	}
	return &verifyingKey{compressed: pub, negative: curve.NewExpandedRistrettoPoint(negative.Neg(&point))}
}

// keep remembers the key of a good signature, in the place of any other when
// there are too many.
func (v *Verifier) keep(key *verifyingKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.keys[key.compressed]; known {
		return
	}
	for other := range v.keys {
		if len(v.keys) < v.maxKeys {
			break
		}
		delete(v.keys, other)
	}
	v.keys[key.compressed] = &verifyingKey{compressed: key.compressed, negative: key.negative, kept: true}
}
