package faulttest

import (
	"encoding/binary"
	"io"
	"strings"
)

// Bytes returns a fault for Before that writes bytes as they are: to a WebSocket client, garbage below the frames.
func Bytes(b string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, b)
		return err
	}
}

// Frame returns a fault for Before that writes one well formed WebSocket text message.
func Frame(text string) func(io.Writer) error { return LargeFrame(text, int64(len(text))) }

// LargeFrame returns a fault for Before that writes one WebSocket text message of size bytes, which begins with a text
// and goes on with digits 0. It is written piece by piece and never in memory as a whole.
func LargeFrame(begin string, size int64) func(io.Writer) error {
	return func(w io.Writer) error {
		header := []byte{0x81} // final, text
		switch {
		case size < 126:
			header = append(header, byte(size))
		case size < 1<<16:
			header = binary.BigEndian.AppendUint16(append(header, 126), uint16(size))
		default:
			header = binary.BigEndian.AppendUint64(append(header, 127), uint64(size))
		}
		if _, err := w.Write(header); err != nil {
			return err
		}
		begin := begin[:min(int64(len(begin)), size)]
		if _, err := io.WriteString(w, begin); err != nil {
			return err
		}
		_, err := io.CopyN(w, zeros{}, size-int64(len(begin)))
		return err
	}
}

// Fragments returns a fault for Before that writes one WebSocket text message in fragments of the given texts.
func Fragments(texts ...string) func(io.Writer) error {
	return func(w io.Writer) error {
		var message strings.Builder
		for i, text := range texts {
			var first byte // a continuation
			if i == 0 {
				first = 0x01
			}
			if i == len(texts)-1 {
				first |= 0x80
			}
			message.WriteByte(first)
			message.WriteByte(126)
			message.Write(binary.BigEndian.AppendUint16(nil, uint16(len(text))))
			message.WriteString(text)
		}
		_, err := io.WriteString(w, message.String())
		return err
	}
}

// zeros reads as digits 0 without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}
