package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLogLevelsAndFormats(t *testing.T) {
	t.Parallel()
	for level, lines := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		for _, format := range []string{"json", "text"} {
			var out bytes.Buffer
			logger := NewLogger(&out, level, format)
			logger.Debug("d", "text", "line\nbreak \x1b[31m")
			logger.Info("i", "text", "line\nbreak \x1b[31m")
			logger.Warn("w", "text", "line\nbreak \x1b[31m")
			logger.Error("e", "text", "line\nbreak \x1b[31m")
			if got := strings.Count(out.String(), "\n"); got != lines || strings.Contains(out.String(), "\x1b") {
				t.Errorf("%s %s: %d lines, want %d:\n%s", level, format, got, lines, out.String())
			}
			for line := range strings.Lines(out.String()) {
				if (format == "json") != json.Valid([]byte(line)) {
					t.Errorf("%s %s: %s", level, format, line)
				}
			}
		}
	}
}
