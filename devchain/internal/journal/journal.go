// Package journal is an append-only file of records that survives a crash.
//
// The file starts with eight bytes that name the format. A record is its length
// and the CRC-32C of its bytes, both four bytes, little-endian, then the bytes.
// A process that dies while it appends leaves an incomplete last record, or one
// whose pages did not all reach the disk; Open drops it. Damage anywhere else is
// an error, because what follows it cannot be trusted to be all there is.
package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

const (
	magic      = "PYLNJNL1"
	headerSize = 8
	// maxRecord bounds what a damaged length can make Open read.
	maxRecord = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal is an open file. It is for one goroutine.
type Journal struct {
	path string
	file *os.File
	size int64
	err  error // set when the end of the file is unknown
}

// Open opens the journal at path, creating it if there is none, and passes every
// record to visit in order. The bytes are visit's to keep.
func Open(path string, visit func(record []byte) error) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, file: file}
	if err := j.load(visit); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *Journal) load(visit func([]byte) error) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	start := make([]byte, len(magic))
	n, err := io.ReadFull(j.file, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if n < len(magic) && magic[:n] == string(start[:n]) {
		// New, or its maker died at once.
		if _, err := j.file.WriteAt([]byte(magic), 0); err != nil {
			return err
		}
		j.size = int64(len(magic))
		return nil
	}
	if string(start) != magic {
		return errors.New("not a journal, or of another version")
	}
	j.size = int64(len(magic))
	for j.size < info.Size() {
		record, err := j.read(info.Size() - j.size)
		if errors.Is(err, errTorn) {
			return j.file.Truncate(j.size)
		}
		if err != nil {
			return fmt.Errorf("offset %d: %w", j.size, err)
		}
		if err := visit(record); err != nil {
			return fmt.Errorf("record at offset %d: %w", j.size, err)
		}
		j.size += headerSize + int64(len(record))
	}
	return nil
}

var errTorn = errors.New("the last record is incomplete")

// read returns the record at j.size, of a file that goes on for left bytes.
func (j *Journal) read(left int64) ([]byte, error) {
	if left < headerSize {
		return nil, errTorn
	}
	var header [headerSize]byte
	if _, err := j.file.ReadAt(header[:], j.size); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(header[:]))
	switch {
	case length == 0:
		// Space that was given to the file before what belongs there reached it.
		if zero, err := j.onlyZeros(left); err != nil || !zero {
			return nil, errors.Join(err, errors.New("a record of length zero"))
		}
		return nil, errTorn
	case length > maxRecord:
		return nil, fmt.Errorf("a record of %d bytes", length)
	case length > left-headerSize:
		return nil, errTorn
	}
	record := make([]byte, length)
	if _, err := j.file.ReadAt(record, j.size+headerSize); err != nil {
		return nil, err
	}
	if crc32.Checksum(record, castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
		if length == left-headerSize {
			return nil, errTorn
		}
		return nil, errors.New("checksum does not match")
	}
	return record, nil
}

func (j *Journal) onlyZeros(left int64) (bool, error) {
	rest := io.NewSectionReader(j.file, j.size, left)
	buffer, zeros := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := rest.Read(buffer)
		if !bytes.Equal(buffer[:n], zeros[:n]) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// Append writes a record at the end. It reaches the disk with the next Sync. If
// it fails the journal is as it was before, or Append fails from then on.
func (j *Journal) Append(record []byte) error {
	if j.err != nil {
		return j.err
	}
	if len(record) == 0 || len(record) > maxRecord {
		return fmt.Errorf("journal: a record of %d bytes", len(record))
	}
	framed := make([]byte, headerSize, headerSize+len(record))
	binary.LittleEndian.PutUint32(framed, uint32(len(record)))
	binary.LittleEndian.PutUint32(framed[4:], crc32.Checksum(record, castagnoli))
	framed = append(framed, record...)
	if _, err := j.file.WriteAt(framed, j.size); err != nil {
		if undo := j.file.Truncate(j.size); undo != nil {
			j.err = errors.Join(err, undo)
		}
		return err
	}
	j.size += int64(len(framed))
	return nil
}

// Size is the length of the file in bytes.
func (j *Journal) Size() int64 { return j.size }

// Sync makes sure that what was appended is on the disk.
func (j *Journal) Sync() error { return j.file.Sync() }

// Close syncs and closes the file.
func (j *Journal) Close() error { return errors.Join(j.file.Sync(), j.file.Close()) }

// Rewrite replaces the whole journal by the records that fill appends. Either
// all of it is replaced or nothing.
func (j *Journal) Rewrite(fill func(appendRecord func([]byte) error) error) error {
	file, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	next := &Journal{file: file, size: int64(len(magic))}
	_, err = file.WriteAt([]byte(magic), 0)
	if err == nil {
		err = fill(next.Append)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(j.path+".new"))
	}
	old := j.file
	j.file, j.size, j.err = file, next.size, nil
	return errors.Join(old.Close(), syncDir(filepath.Dir(j.path)))
}

// syncDir makes a rename survive a power failure.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	return errors.Join(err, dir.Close())
}
